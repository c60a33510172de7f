"""R's glmnet, in an R process of its own that holds the data and its own clock; `glmnet.R` is the other end."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.evaluator import losses
from benchmarks.found import Found
from benchmarks.peers.decades import decades
from scipy import sparse

PACKAGES = ()
SCRIPT = Path(__file__).with_name("glmnet.R")
LARGEST = 20_000  # columns, up to which the inner products of the covariance method fit


@cache
def version() -> str | None:
    if shutil.which("Rscript") is None:
        return None
    code = 'cat(as.character(packageVersion("glmnet")), "on", R.version.string)'
    done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def why_not() -> str | None:
    return None if version() else "R with glmnet is not installed (Debian and Ubuntu: apt-get install r-cran-glmnet)."


def variants(problem: Problem) -> list[str]:
    if problem.kind not in ("lasso", "logistic"):
        return []
    if problem.kind == "logistic":
        return ["Newton", "modified.Newton"]
    return ["naive", "covariance"] if problem.p <= LARGEST else ["naive"]


def tolerances(problem: Problem) -> list[float]:
    return decades(5, 16)


def setup(problem: Problem, variant: str, threads: int):
    folder = Path(tempfile.mkdtemp(prefix="glmnet-"))
    if problem.is_sparse:
        X = problem.X.tocsc()
        for name, part in (("i", X.indices), ("p", X.indptr), ("x", X.data)):
            part.astype("<f8" if name == "x" else "<i4").tofile(folder / f"{name}.bin")
    else:
        problem.X.T.astype("<f8", copy=False).tofile(folder / "X.bin")  # C order of the transpose: by columns
    for name, vector in (("y", problem.y), ("alphas", problem.alphas)):
        vector.astype("<f8").tofile(folder / f"{name}.bin")
    if problem.job.is_curve:
        (problem.fold_of + 1).astype("<i4").tofile(folder / "folds.bin")
    entries = problem.X.nnz if problem.is_sparse else 0
    words = [
        folder, problem.n, problem.p, len(problem.alphas), entries, "binomial" if problem.kind == "logistic" else "gaussian",
        variant, int(problem.intercept), int(problem.job.is_curve),
    ]  # fmt: skip
    command = ["Rscript", "--vanilla", SCRIPT, *words]
    process = subprocess.Popen([str(w) for w in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session = Session(folder, process)
    session.answer()  # "ready"
    return session


class Session:
    """fit(tolerance), by asking R."""

    def __init__(self, folder: Path, process: subprocess.Popen) -> None:
        self.folder, self.process = folder, process

    def __call__(self, tolerance: float) -> tuple[Path, list[str]]:
        self.process.stdin.write(f"{tolerance!r}\n")
        self.process.stdin.flush()
        return self.folder, self.answer()

    def answer(self) -> list[str]:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("R ended early.")
        return line.split()

    def __del__(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def read(problem: Problem, answer: Any) -> Found:
    folder, (seconds, peak, count) = answer
    said: dict[str, Any] = {"seconds": float(seconds), "peak": int(float(peak)) if float(peak) >= 0 else None}
    m = len(problem.alphas)
    if problem.job.is_curve:
        return Found(curve=_curve(problem, np.fromfile(folder / "held.bin").reshape(m, problem.n).T), **said)
    if int(count) != m:
        raise RuntimeError(f"Its path ended at {count} of {m} alphas.")
    i, p, x = (np.fromfile(folder / f"beta-{name}.bin", "<f8" if name == "x" else "<i4") for name in "ipx")
    coefs = sparse.csc_matrix((x, i, p), shape=(problem.p, m)).toarray()
    return Found(coefs, np.fromfile(folder / "a0.bin"), **said)


def _curve(problem: Problem, held: np.ndarray) -> np.ndarray:
    """Its own curve weights folds by their rows; ours is the mean over folds, from its predictions of held-out rows."""
    loss = 2 * losses(problem.kind, problem.y[:, None], held)  # what it keeps is on the scale of the linear predictor
    return np.mean([loss[test].mean(axis=0) for _, test in problem.folds], axis=0)
