"""Paths of squared error, Bernoulli and Poisson likelihoods with L1, L2 and box terms, and group lassos, for many weightings
of the same rows at once, in few readings of X.

A weighting of the rows (all of them, all but a fold, a bootstrap sample) and a penalty are a *lane*. Lanes share the data, the
units and what is read of them, and those of one weighting its centres and its Gram matrix too; they differ in their strengths.
`read` forms what the lanes' paths need, and `follow` finds the paths; what the engine does not take (`suits`), or cannot
certify, `walk` leaves to a solver in the one loop.
"""

from shrinkage.engine.lanes import Course, Line, Rows
from shrinkage.engine.plan import LEAST_TOL, kind, read, shared, suits

__all__ = ["LEAST_TOL", "Course", "Line", "Rows", "kind", "read", "shared", "suits"]
