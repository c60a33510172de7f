"""What a program prints under one thread of ours and more: for the tests that no bit depends on their number."""

import os
import subprocess
import sys


def printed_by_threads(program: str) -> set[str]:
    found = set()
    for threads in (1, 2, 5):
        env = {**os.environ, "SHRINKAGE_NUM_THREADS": str(threads)}
        found.add(subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout)
    return found
