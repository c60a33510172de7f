import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

def prox(terms: Floats, w: Floats, step: Floats) -> Floats: ...
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
