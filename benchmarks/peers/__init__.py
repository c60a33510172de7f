"""One file per solver. Each module says

    PACKAGES               the distributions whose versions are reported (glmnet: none, it asks R)
    variants(problem)      the ways of doing the job, tried one by one, the fastest counts; none: it cannot do it
    tolerances(problem)    its own tolerance, from loose to tight
    setup(problem, variant, threads) -> fit(tolerance) -> answer; what is not to be timed is done in setup
    read(problem, answer) -> Found; not timed either

`why_not()` where it stands: None, or why the peer is absent.
"""

from __future__ import annotations

ORDER = ("ours", "sklearn", "celer", "skglm", "adelie", "glum", "pycasso", "skein", "glmnet")
OWN_PYTHON = {"adelie": ".bench-adelie"}  # it pins NumPy below 2
