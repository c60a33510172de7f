"""skorch takes the steps of a plain loop: `initialize_optimizer` makes ours, once the module is there."""

import pickle

import pytest
from sklearn.model_selection import GridSearchCV

from tests.torch.battery import network, same_bits, st, states, torch
from tests.torch.loops import EPOCHS, PATTERNS, SIZE, data, expected, installed

skorch = installed("skorch")
pytestmark = pytest.mark.filterwarnings("ignore")  # its own, on pickles


class Sparse(skorch.NeuralNetClassifier):
    def __init__(self, *args, strength=1.0, **settings):
        super().__init__(*args, **settings)
        self.strength = strength

    def initialize_optimizer(self, *reason):
        penalties = st.Penalties(self.module_, {name: self.strength * penalty for name, penalty in PATTERNS.items()})
        self.optimizer_ = st.ProxAdam(self.module_.parameters(), penalties, lr=self.lr)
        return self


def net():
    settings = {"lr": 0.01, "batch_size": SIZE, "max_epochs": EPOCHS, "train_split": None, "verbose": 0}
    return Sparse(network, criterion=torch.nn.CrossEntropyLoss, **settings)


def test_it_takes_the_steps_of_a_plain_loop_and_goes_on_from_a_pickle():
    first, rows = net(), [t.numpy() for t in data()]
    first.fit(*rows)
    assert same_bits(states(first.module_), expected())
    second = pickle.loads(pickle.dumps(first))
    for each in (first, second):
        each.partial_fit(*rows)
    assert same_bits(states(first.module_), states(second.module_)) and not same_bits(states(first.module_), expected())


def test_strengths_by_cross_validation():
    X, y = (t.numpy() for t in data())
    found = GridSearchCV(net(), {"strength": [0.0, 1.0, 100.0]}, cv=2, scoring="neg_log_loss").fit(X, y)
    shares = {s: st.sparsity(found.best_estimator_.set_params(strength=s).fit(X, y).module_).share for s in (0.0, 1.0, 100.0)}
    assert shares[0.0] == 0 and 0 < shares[1.0] < 1 and shares[100.0] > 0.9
