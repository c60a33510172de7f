"""Paths of squared error, Bernoulli and Poisson likelihoods with L1, L2 and box terms, and group lassos, for many weightings
of the same rows at once, in few readings of X.

A weighting of the rows is a *lane*: all rows, all but a fold, a bootstrap sample. Lanes share the data, the units and what is
read of them, and differ in their centres, their Gram matrices and their strengths. `read` forms what the lanes' paths need,
and `follow` finds the paths; what the engine does not take (`suits`), or cannot certify, `paths` leaves to a solver in the one
loop.
"""

from shrinkage.engine.lanes import Line, Rows
from shrinkage.engine.plan import LEAST_TOL, read, shared, suits

__all__ = ["LEAST_TOL", "Line", "Rows", "read", "shared", "suits"]
