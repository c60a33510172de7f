"""What is kept, what is refused, and the way out."""

from __future__ import annotations

import pytest

from shrinkage.errors import ParameterError
from shrinkage.torch import shrink
from tests.torch.battery_shrink import Branching, Sorted, dead, mlp, randomise, same, shapes, torch, zero

nn, prune = torch.nn, torch.nn.utils.prune
pytestmark = pytest.mark.usefixtures("seeded")

COUPLE = [("first.out", "second.in")]


def test_units_that_enter_an_unknown_operation_stay_and_the_report_says_so():
    model, x = dead(randomise(Sorted())), torch.randn(5, 6)
    shrunk = shrink(model, x)
    assert shapes(shrunk.model) == shapes(model) and "cumsum" in "".join(shrunk.kept) and "4 units" in str(shrunk)
    coupled = shrink(model, x, couple=COUPLE)
    same(coupled, model, x)
    assert shapes(coupled.model)["first.weight"] == (6, 6) and shapes(coupled.model)["second.weight"] == (3, 6)


def test_a_model_that_cannot_be_followed_is_refused_unless_coupled():
    model, x = dead(randomise(Branching())), torch.randn(5, 6)
    with pytest.raises(ParameterError, match=r"Branching cannot be followed.*couple="):
        shrink(model, x)
    shrunk = shrink(model, x, couple=COUPLE)
    same(shrunk, model, x)
    assert shapes(shrunk.model)["second.weight"] == (3, 6)


def test_a_wrong_couple_is_found_by_the_comparison():
    class Shifted(Sorted):
        def forward(self, x):
            return self.second(torch.cumsum(self.first(x).roll(1, 1), 0))

    model = dead(randomise(Shifted()))
    with pytest.raises(ParameterError, match="gives other outputs"):
        shrink(model, torch.randn(5, 6), couple=COUPLE)


@pytest.mark.parametrize(
    ("couple", "message"),
    [
        ([("first.out", "third.in")], "no module 'third'"),
        ([("first.out", "second.out")], "of one size"),
        ([("first.out",)], "two or more"),
        ([("first.sideways", "second.in")], "is no end"),
    ],
)
def test_a_couple_that_is_none_is_refused(couple, message):
    with pytest.raises(ParameterError, match=message):
        shrink(randomise(Sorted()), torch.randn(5, 6), couple=couple)


def test_a_computed_weight_stays_until_it_is_a_parameter():
    model, x = mlp(), torch.randn(9, 12)
    prune.ln_structured(model[0], "weight", 0.5, n=2, dim=0)
    zero(model[0].bias, slice(None))
    with pytest.raises(ParameterError, match="cannot be copied.*make it a plain parameter"):
        shrink(model, x)
    prune.remove(model[0], "weight")
    plain = shrink(model, x)
    same(plain, model, x)
    assert shapes(plain.model)["0.weight"] == (20, 12)
    zero(model[2].weight, slice(0, 5))
    zero(model[2].bias, slice(0, 5))
    nn.utils.parametrizations.orthogonal(model[4])
    parametrised = shrink(model, x)
    same(parametrised, model, x)
    assert shapes(parametrised.model)["2.weight"] == (30, 20) and "make it a plain parameter" in "".join(parametrised.kept)


def test_a_forward_with_random_numbers_is_refused():
    class Noisy(Sorted):
        def forward(self, x):
            return self.second(torch.relu(self.first(x))) + torch.rand(())

    with pytest.raises(ParameterError, match="gives other outputs"):
        shrink(dead(randomise(Noisy())), torch.randn(5, 6))
