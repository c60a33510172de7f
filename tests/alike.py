"""What a program prints under one thread and more, ours and BLAS's: for the tests that no bit depends on their number."""

import os
import subprocess
import sys

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def printed_by_threads(program: str) -> set[str]:
    found = set()
    for ours, theirs in ((1, 1), (2, 2), (5, 1), (1, 2)):
        env = {**os.environ, "SHRINKAGE_NUM_THREADS": str(ours), **{name: str(theirs) for name in BLAS}}
        found.add(subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout)
    return found
