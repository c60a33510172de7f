"""SparseNetRegressor and SparseNetClassifier: networks that select features, as scikit-learn's estimators."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from shrinkage.errors import DataError, ParameterError
from shrinkage.torch.selecting.path import (
    COLUMNS,
    Inputs,
    PathStep,
    choose,
    critical,
    dense,
    follow,
    growing,
    hierarchy,
    perceptron,
    used,
    with_skip,
)
from shrinkage.torch.selecting.training import Data, Training

START = 1e-2  # of the critical strength: where a path begins
RULES = ("1se", "min")


class _SparseNet(BaseEstimator):
    """Data to tensors, the path, the choice. A subclass states its loss, its targets and its score."""

    _loss: type[nn.Module]

    def __init__(
        self, hidden: Sequence[int] = (32,), *, strengths: Any = None, growth: float = 1.3, max_features: int | None = None,
        rule: str = "1se", hierarchy: float | None = None, decay: float = 1e-2, epochs: int = 100, path_epochs: int = 30,
        batch_size: int = 128,
        learning_rate: float = 0.01, validation_fraction: float = 0.2, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.hidden = hidden
        self.strengths = strengths
        self.growth = growth
        self.max_features = max_features
        self.rule = rule
        self.hierarchy = hierarchy
        self.decay = decay
        self.epochs = epochs
        self.path_epochs = path_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @abstractmethod
    def _targets(self, y: np.ndarray) -> Tensor:
        """y as the loss takes it, (n, ...); keeps what takes it back."""

    @abstractmethod
    def _outputs(self) -> int:
        """How many numbers the network gives for a row."""

    @abstractmethod
    def _score(self, output: Tensor, target: Tensor) -> float:
        """What `score` would say of these rows."""

    def fit(self, X: Any, y: Any) -> Any:
        """Train with all features, then over the strengths from small to large, and keep the network that `rule` chooses.

        X: array or data frame (n, p); y (n,). The global random state of torch is left as it was.
        """
        self._check()
        X, y = self._validated(X, y)
        self._centre = X.mean(0)
        spread = X.std(0)
        self._spread = np.where(spread > 0, spread, 1.0)
        inputs, targets = self._inputs(X), self._targets(y)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(check_random_state(self.random_state).randint(2**31))
            held_out = torch.randperm(len(X)) < self._held_out(len(X))
            train, test = ((inputs[rows], targets[rows]) for rows in (~held_out, held_out))
            self._follow(train, test)
        return self

    def _follow(self, train: Data, test: Data) -> None:
        loss, training = self._loss(), Training(self.epochs, self.batch_size, self.learning_rate)
        shorter = replace(training, epochs=self.path_epochs)
        model, inputs = self._network()
        dense(model, loss, train, training, self.decay)
        strengths = self._strengths(critical(model, loss, train, inputs))
        path = list(follow(model, loss, train, strengths, shorter, self.decay, inputs))
        self.path_ = tuple(self._step(strength, network, used(network, inputs), test) for strength, network in path)
        self._check_path()
        chosen = choose(self.path_, self.rule, self.max_features)
        self.strength_, self.network_ = path[chosen]
        self.support_ = used(self.network_, inputs).numpy()
        self.selected_features_ = np.asarray(self.path_[chosen].features, dtype=object)

    def _network(self) -> tuple[nn.Module, Inputs]:
        sizes = (self.n_features_in_, *self.hidden, self._outputs())
        if self.hierarchy is None:
            return perceptron(sizes), COLUMNS
        return with_skip(sizes), hierarchy(float(self.hierarchy), self._outputs())

    def _check_path(self) -> None:
        fewest = min(len(step.features) for step in self.path_)
        if self.max_features is not None and fewest > self.max_features:
            raise ParameterError(
                f"max_features={self.max_features}: every network of the path has {fewest} or more. Add larger strengths."
            )

    def _strengths(self, critical: float) -> Iterable[float]:
        if self.strengths is not None:
            return sorted(float(strength) for strength in self.strengths)
        return growing(START * critical or 1.0, self.growth)

    @torch.no_grad()
    def _step(self, strength: float, network: nn.Module, alive: Tensor, test: Data) -> PathStep:
        output = network(test[0])
        losses = self._loss(reduction="none")(output, test[1]).reshape(-1).numpy()
        se = losses.std(ddof=1) / len(losses) ** 0.5 if len(losses) > 1 else inf
        features = tuple(self._names()[alive.numpy()])
        return PathStep(float(strength), features, self._score(output, test[1]), float(losses.mean()), float(se))

    def _names(self) -> np.ndarray:
        numbered = [f"x{j}" for j in range(self.n_features_in_)]
        return np.asarray(getattr(self, "feature_names_in_", numbered), dtype=object)

    def _inputs(self, X: np.ndarray) -> Tensor:
        return torch.from_numpy((X - self._centre) / self._spread)

    @torch.no_grad()
    def _output(self, X: Any) -> np.ndarray:
        """(n, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self.network_(self._inputs(X)).numpy()

    def _validated(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        return validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2, y_numeric=True)

    def _held_out(self, n: int) -> int:
        return min(max(round(self.validation_fraction * n), 1), n - 1)

    def _check(self) -> None:
        """**Raises** `ParameterError` for a setting that is none."""
        hidden = self.hidden if isinstance(self.hidden, Sequence) else ()
        if not hidden or not all(_is_count(width) for width in hidden):
            raise ParameterError(f"hidden= is the widths of the hidden layers, such as (32,); got {self.hidden!r}.")
        for name in ("epochs", "path_epochs", "batch_size"):
            _need(name, getattr(self, name), _is_count, "a whole number >= 1")
        _need("max_features", self.max_features, lambda x: x is None or x == 0 or _is_count(x), "a whole number >= 0, or None")
        _need("learning_rate", self.learning_rate, lambda x: _is_real(x) and x > 0, "finite and > 0")
        _need("growth", self.growth, lambda x: _is_real(x) and x > 1, "finite and > 1")
        _need("decay", self.decay, lambda x: _is_real(x) and x >= 0, "finite and >= 0")
        _need("validation_fraction", self.validation_fraction, lambda x: _is_real(x) and 0 < x < 1, "between 0 and 1")
        _need("hierarchy", self.hierarchy, lambda x: x is None or (_is_real(x) and x >= 0), "finite and >= 0, or None")
        _need("rule", self.rule, lambda x: x in RULES, f"one of {RULES}")
        _need("strengths", self.strengths, lambda x: x is None or _are_strengths(x), "finite numbers > 0, or None")


class SparseNetRegressor(RegressorMixin, _SparseNet):
    """A multilayer perceptron that selects its inputs: squared error, and the norm of each input's weights in the first layer
    (group L1: Scardapane, Comminiello, Hussain and Uncini, 2017, Neurocomputing 241), over a path of strengths.

    **Arguments**

    - `hidden`: widths of the hidden layers, ReLU between them.
    - `strengths`: of the penalty beside the mean loss, X and y standardised; None: from a hundredth of what would keep
      all inputs out of the dense network on, each `growth` times the last, until no input is left.
    - `rule`: "min": the least validation loss; "1se": the fewest features within one standard error of it. `max_features`:
      only networks with at most so many.
    - `hierarchy`: None, or the ratio M of LassoNet (Lemhadri, Ruan, Abraham and Tibshirani, 2021, JMLR 22): beside the network
      there is a straight line, and an input enters the network up to M times as far as it enters the line. 0 is the lasso.
      Its path is trained by SGD with momentum 0.9.
    - `decay`: L2 on the other weights. `epochs` without the penalty, `path_epochs` at each strength, `batch_size` and
      `learning_rate` of the optimizer, ProxAdam, whose rate goes to zero each time.
    - `validation_fraction`: rows kept aside for scores.
    - `random_state`: of the split, the start and the minibatches.

    **After fit**: `path_` (a `PathStep` for each strength), `selected_features_` (names, or x0, x1, ...), `support_` (p,),
    `strength_`, `network_` (an nn.Module of standardised inputs), `n_features_in_`, `feature_names_in_`.

    **Raises** `ParameterError` for settings, and ValueError as scikit-learn does for data.
    """

    _loss = nn.MSELoss

    def predict(self, X: Any) -> np.ndarray:
        """(n,), in the units of y."""
        output = self._output(X)[:, 0]
        return self._shift + self._scale * output

    def _targets(self, y: np.ndarray) -> Tensor:
        self._shift, self._scale = float(y.mean()), float(y.std()) or 1.0
        return torch.from_numpy((y.astype(np.float64) - self._shift) / self._scale)[:, None]

    def _outputs(self) -> int:
        return 1

    def _score(self, output: Tensor, target: Tensor) -> float:
        """R^2; nan where the rows do not vary."""
        around = ((target - target.mean()) ** 2).sum()
        return float(1 - ((output - target) ** 2).sum() / around) if around > 0 else float("nan")


class SparseNetClassifier(ClassifierMixin, _SparseNet):
    """`SparseNetRegressor` for classes: cross-entropy, one output for each class, which `classes_` names in their order."""

    _loss = nn.CrossEntropyLoss

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, classes), rows that sum to 1."""
        return torch.from_numpy(self._output(X)).softmax(1).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """(n,), the most probable class."""
        output = self._output(X)
        return self.classes_[output.argmax(1)]

    def _validated(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        return X, y

    def _targets(self, y: np.ndarray) -> Tensor:
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"A classifier needs at least two classes; y has one class, {self.classes_[0]!r}.")
        return torch.from_numpy(codes)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _score(self, output: Tensor, target: Tensor) -> float:
        """Accuracy."""
        return float((output.argmax(1) == target).double().mean())


def _need(name: str, value: Any, fits: Any, what: str) -> None:
    if not fits(value):
        raise ParameterError(f"{name}= must be {what}; got {value!r}.")


def _is_count(x: Any) -> bool:
    return isinstance(x, Integral) and not isinstance(x, bool) and int(x) >= 1


def _is_real(x: Any) -> bool:
    return isinstance(x, Real) and not isinstance(x, bool) and abs(float(x)) < inf


def _are_strengths(x: Any) -> bool:
    return np.ndim(x) == 1 and len(x) > 0 and all(_is_real(s) and s > 0 for s in x)
