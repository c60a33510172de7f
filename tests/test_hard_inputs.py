"""No hard input gets a silent wrong answer, from the lasso or from its cross-validated form."""

import warnings

import pytest

from shrinkage import Lasso, LassoCV
from tests.hard_inputs import CASES, clean, judge, refused

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
    """A model that ignores its data fails nearly every case."""

    class Zero:
        def fit(self, X, y, sample_weight=None):
            import numpy as np

            self.coef_, self.intercept_ = np.zeros(8), 0.0
            return self

    wrong = [case for case in CASES if judge(case, Zero, lambda data: Zero())[0] not in ("right", "refused")]
    same_model = [c for c in CASES if c.expect == refused]
    assert len(wrong) >= len(same_model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge(CASES[0], Zero, lambda data: Zero())[0] == "accepted, silently"
    assert clean().X.shape == (60, 8)
