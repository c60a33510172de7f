"""`python -m shrinkage` is the command line."""

import sys

from shrinkage.cli import main

sys.exit(main())
