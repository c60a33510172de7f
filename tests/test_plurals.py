"""One row is a row: the sentences of errors, summaries and pages where they count to one."""

import numpy as np
import pandas as pd
import pytest

import shrinkage as sh
from shrinkage.domains import POSITIVE
from shrinkage.page.record import record
from shrinkage.page.report import study
from shrinkage.plurals import are, counted

X = np.random.default_rng(0).standard_normal((30, 2))
Y = X[:, 0] + 0.1 * np.random.default_rng(1).standard_normal(30)


@pytest.mark.parametrize(("count", "words"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (np.int64(1), "1 row")])
def test_counted(count, words):
    assert counted(count, "row") == words


def test_irregular_words_and_their_verb():
    assert [counted(k, "infinite entry", "infinite entries") for k in (1, 2)] == ["1 infinite entry", "2 infinite entries"]
    assert [are(k) for k in (0, 1, 2)] == ["are", "is", "are"]


def spoilt(*entries):
    """X with some of its entries replaced: (row, column, value)."""
    out = X.copy()
    for i, j, value in entries:
        out[i, j] = value
    return out


REFUSED = [
    (lambda: sh.Lasso().fit(spoilt((3, 1, np.nan)), Y), "column 1 has 1 NaN. Drop"),
    (lambda: sh.Lasso().fit(spoilt((3, 1, np.inf)), Y), "column 1 has 1 infinite entry. Drop"),
    (lambda: sh.Lasso().fit(spoilt((3, 0, np.nan), (4, 0, np.inf), (5, 0, np.inf)), Y), "has 1 NaN and 2 infinite entries. Drop"),
    (lambda: sh.Lasso().fit(spoilt((3, 0, np.nan), (4, 1, np.inf)), Y), "has 1 NaN, and 1 more column is concerned. Drop"),
    (lambda: sh.Lasso().fit(X, np.where(np.arange(30) == 7, np.nan, Y)), "1 entry is not finite, the first in row 7"),
    (lambda: sh.Lasso().fit(X, Y, np.where(np.arange(30) == 7, -1.0, 1.0)), "row 7 has -1 (1 such row)"),
    (lambda: sh.Lasso().fit(np.ma.masked_array(X, np.arange(60).reshape(30, 2) == 5), Y), "1 masked entry would be read"),
    (lambda: sh.Lasso().fit(pd.DataFrame({"a": X[:, 0], "b": pd.Timestamp(0)}), Y), "1 column is not numeric: 'b'"),
    (lambda: sh.solve(X, Y, sh.SquaredError(), sh.L1(0.1)).predict(X[:, :1]), "X has 1 feature, but the model was fitted with 2"),
    (lambda: POSITIVE.check([0.0]), "1 of 1 entry is not, the first in row 0"),
    (lambda: sh.Grouped(sh.L1([1.0, 2.0]), [0, 0]), "2 strengths, but there is 1 group"),
]


@pytest.mark.parametrize(("act", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_errors(act, words):
    with pytest.raises((sh.DataError, sh.ParameterError)) as told:
        act()
    assert words in str(told.value)


def test_summaries_and_pages():
    one = sh.PenalizedRegressor(alpha=0.1).fit(X[:, :1], Y)
    assert "Kept 1 of 1 feature; it explains" in str(one.summary())
    assert record(study(one), draws=0)["answer"].startswith("Of 1 feature the model keeps 1; it explains")
    solved = sh.solve(X[:, :1], Y, sh.SquaredError(), sh.L1(0.1))
    assert str(solved).startswith("1 of 1 coefficient is not zero.")
    assert str(sh.path(X, Y, sh.SquaredError(), sh.L1(1.0), alphas=[0.1])).startswith("1 alpha from")
