"""No hard input gets a silent wrong answer, from the lasso or from its cross-validated form."""

import numpy as np
import pytest

from shrinkage import Lasso, LassoCV
from tests.hard_inputs import CASES, judge, refused

pytest.importorskip("pandas")
pytest.importorskip("polars")
pytest.importorskip("pyarrow")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lasso(case):
    verdict, detail = judge(case, Lasso, lambda data: Lasso(alpha=data.alpha, tol=1e-10))
    assert verdict == ("refused" if case.expect == refused else "right"), detail


@pytest.mark.parametrize("case", [c for c in CASES if c.for_cv], ids=str)
def test_lasso_cv(case):
    verdict, detail = judge(case, LassoCV, lambda data: LassoCV(cv=5, tol=1e-10, alphas=30))
    assert verdict == ("refused" if case.expect == refused else "right"), detail


def test_the_list_can_tell_right_from_wrong():
    """A model that ignores its data is found out by every case that has an error or a model of its own as its answer."""

    class Zero:
        def fit(self, X, y, sample_weight=None):
            self.coef_, self.intercept_ = np.full(np.shape(X)[1], 0.3), np.nan
            return self

    found_out = [case for case in CASES if judge(case, Zero, lambda data: Zero())[0] not in ("right", "refused")]
    assert {c.name for c in CASES if c.expect == refused and c.name != "no row"} <= {c.name for c in found_out}
    assert {"X * 1e150", "X * 1e200", "y * 1e150", "constant y", "column twice"} <= {c.name for c in found_out}
    assert judge(CASES[0], Zero, lambda data: Zero())[0] == "accepted, silently"
