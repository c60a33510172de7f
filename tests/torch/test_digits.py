"""The benchmark on the digits, quickly: one seed, fewer epochs. `python -m benchmarks.torch_digits` is the whole."""

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: `make test-torch` installs it")

from benchmarks.torch_digits import METHODS, run

EPOCHS = 40


@pytest.fixture(scope="module")
def found():
    asked = (
        "no penalty",
        "L1 in the loss",
        "proximal step, rate 1e-2, strength raised",
        "group L1 on pixels, proximal step",
        "group L1 on pixels, strength 3.5e-3",
    )
    made = {name: run(METHODS[name], range(1), EPOCHS) for name in asked}
    return [{key: value.item() for key, value in made[name].items()} for name in asked]


def test_zeros_and_a_lower_objective_at_equal_accuracy(found):
    none, in_loss, ours, *_ = found
    assert in_loss["zeros"] == 0 and ours["zeros"] > 0.5
    assert ours["objective"] < in_loss["objective"] < none["objective"]
    assert ours["accuracy"] > none["accuracy"] - 0.01 and none["accuracy"] > 0.96


def test_group_l1_keeps_the_pixels_that_matter(found):
    *_, pixels, fewer = found
    assert 36 <= pixels["pixels"] <= 50 and pixels["accuracy"] > 0.96
    assert 30 <= fewer["pixels"] < pixels["pixels"] and fewer["accuracy"] > 0.93
