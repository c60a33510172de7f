"""What binary classifiers share: labels to 0 and 1, class weights, and predictions from the linear predictor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from shrinkage.errors import DataError, ParameterError
from shrinkage.estimators.base import Model
from shrinkage.estimators.record import Record
from shrinkage.estimators.validate import as_data_error


class Classifier(ClassifierMixin, Model):
    """Two classes; `classes_[1]` is the one whose probability is the mean."""

    def _encode(self, y: np.ndarray) -> np.ndarray:
        """y as 0.0 and 1.0; sets `classes_`."""
        with as_data_error():
            check_classification_targets(y)
            kind = type_of_target(y, input_name="y", raise_unknown=True)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, "
                f"but the data contains only one class: {classes[0]!r}."
            )
        if len(classes) > 2:
            raise DataError(
                f"Only binary classification is supported. The type of the target is {kind}. "
                "Wrap the estimator in sklearn.multiclass.OneVsRestClassifier for more than two classes."
            )
        self.classes_ = classes
        return codes.astype(np.float64)

    def _weights(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        """Sample weights times class weights; None where every row counts once. A row of weight 0 is not there: two
        classes must be left without them."""
        weights = self._class_weights(y, weights)
        for k in (0, 1):
            if weights is not None and not np.any(weights[y == k] > 0):
                raise DataError(
                    f"{type(self).__name__} needs two classes, but no row of class {self.classes_.tolist()[k]!r} has a "
                    "positive weight. Give it one, or take the other class as known."
                )
        return weights

    def _class_weights(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, dict):
            strange = [label for label in self.class_weight if label not in set(self.classes_.tolist())]
            if strange:
                raise ParameterError(
                    f"class_weight names {strange[0]!r}, which is not among the classes {self.classes_.tolist()}."
                )
        elif self.class_weight != "balanced":
            raise ParameterError(
                f"class_weight must be None, 'balanced' or a dict from class to weight; got {self.class_weight!r}."
            )
        rows = np.ones(len(y)) if weights is None else weights
        labels = self.classes_[y.astype(np.int64)]
        if self.class_weight == "balanced":
            counts = np.array([rows[y == k].sum() for k in (0, 1)])
            if not counts.all():
                raise DataError("A class has no row of positive weight: class_weight='balanced' cannot balance it.")
            per_class = rows.sum() / (2 * counts)
        else:
            per_class = self._stated(labels)
        return rows * per_class[y.astype(np.int64)]

    def _stated(self, labels: np.ndarray) -> np.ndarray:
        """The weights of a dict; 1 for a class it does not name."""
        try:
            per_class = np.asarray(compute_class_weight(self.class_weight, classes=self.classes_, y=labels), np.float64)
        except (TypeError, ValueError):
            per_class = np.array([np.nan])
        if not np.all((per_class >= 0) & np.isfinite(per_class)):
            raise ParameterError(f"class_weight must hold finite numbers >= 0; got {self.class_weight!r}.")
        return per_class

    def _shape(self, record: Record) -> None:
        """scikit-learn's shapes: (1, p), (1,), and a step count per problem."""
        self.coef_ = np.asarray(record.coef)[None, :]
        self.intercept_ = np.array([record.intercept])
        self.n_iter_ = np.array([self.n_iter_])

    def _about(self) -> str:
        return f"Coefficients move the log odds of {self.classes_.tolist()[1]!r}."

    def _observed(self, y: Any) -> np.ndarray:
        y = np.asarray(y)
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            raise DataError(f"y holds {y[unknown][0]!r}, which is not among the classes {self.classes_.tolist()}.")
        return (y == self.classes_[1]).astype(np.float64)

    # ---- predictions; the offset is a keyword only where the fit takes one

    def _decide(self, X: Any, offset: Any = None) -> np.ndarray:
        return self._eta(X, offset)

    def _labels(self, eta: np.ndarray) -> np.ndarray:
        return self.classes_[(eta > 0).astype(np.int64)]

    def _probabilities(self, eta: np.ndarray) -> np.ndarray:
        loss = self._records[0].loss
        return np.column_stack([loss.mean(-eta), loss.mean(eta)])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def log_probabilities(eta: np.ndarray) -> np.ndarray:
    """log of the logistic probabilities, without rounding them to 0 first."""
    return -np.column_stack([np.logaddexp(0, eta), np.logaddexp(0, -eta)])
