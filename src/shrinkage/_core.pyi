from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

def prox(terms: Floats, w: Floats, step: Floats) -> Floats: ...
def price(terms: Floats, w: Floats, pull: Floats) -> tuple[float, float]: ...
def descend(
    G: Floats,
    q: Floats,
    terms: Floats,
    groups: NDArray[np.int64] | None,
    group_terms: Floats | None,
    w: Floats,
    Gw: Floats,
    tolerance: float,
    max_sweeps: int,
    newton: bool,
) -> tuple[int, float, bool]: ...

class Memory: ...

def follow(
    G: Floats,
    q: Floats,
    yy: float,
    unit: Floats,
    strengths: Floats,
    start: Floats,
    target: float,
    want_tangent: bool,
    memory: Memory,
) -> tuple[Floats, Floats, Floats, Floats, int, int]: ...
def follow_groups(
    G: Floats,
    q: Floats,
    yy: float,
    starts: NDArray[np.int64],
    members: NDArray[np.int64],
    omega: Floats,
    strengths: Floats,
    start: Floats,
    target: float,
    most: int,
    worth: float = 0.0,
) -> tuple[Floats, Floats, int]: ...
def follow_columns(
    X: Floats,
    y: Floats,
    starts: NDArray[np.int64],
    members: NDArray[np.int64],
    omega: Floats,
    strengths: Floats,
    start: Floats,
    target: float,
    most: int,
) -> tuple[Floats, Floats, int]: ...
def follow_sparse(
    values: Floats,
    weighted: Floats,
    rows: NDArray[np.int32],
    starts: NDArray[np.int64],
    mean: Floats,
    square: Floats,
    total: float,
    y: Floats,
    weights: Floats,
    unit: Floats,
    strengths: Floats,
    start: Floats,
    target: float,
) -> tuple[Floats, Floats, Floats, int]: ...
def pack(X: NDArray, places: NDArray[np.int64], shift: Floats, scale: Floats, out: Floats) -> None: ...
def moments(X: NDArray, weights: Floats | None) -> tuple[Floats, Floats, Floats, Floats]: ...
def inner(A: NDArray, B: NDArray | None = None) -> Floats: ...
def skinny(X: NDArray, shift: Floats, R: Floats) -> Floats: ...
def likelihood(family: str, y: Floats, weights: Floats, eta: Floats) -> tuple[Floats, Floats, Floats]: ...
def judge(
    before: Floats, metric: Floats, moved: Floats, rho: Floats, curvatures: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]: ...
def mend(
    predicted: Floats, rho: Floats, curvatures: Floats, some: NDArray[np.int64], level: bool
) -> tuple[Floats, Floats, NDArray[np.bool_]]: ...
def chord(
    read: Sequence[Floats], inside: Floats, apart: Floats, up: Floats, down: Floats, reach: Floats, end: Floats, allowed: Floats
) -> tuple[Floats, NDArray[np.bool_]]: ...
def shrink(
    w: NDArray[Any], rule: str, moment: NDArray[Any] | None, beside: NDArray[Any] | None, numbers: Sequence[float]
) -> bool: ...
def shrink_groups(
    w: NDArray[Any], rule: str, moment: NDArray[Any] | None, beside: NDArray[Any] | None, numbers: Sequence[float], seen: bool
) -> bool: ...
def kernels() -> str: ...
