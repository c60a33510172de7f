"""What a solver hands back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Found:
    """A path, `coefs` (p, m) and `intercepts` (m,), or a `curve` (m,). `seconds` where a solver holds its own clock;
    `peak` likewise, in bytes; `passes` over X and the share of alphas `certified`, where a solver says so."""

    coefs: np.ndarray | None = None
    intercepts: np.ndarray | None = None
    curve: np.ndarray | None = None
    seconds: float | None = None
    peak: int | None = None
    passes: float | None = None
    certified: float | None = None
