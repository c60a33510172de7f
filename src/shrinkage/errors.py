"""One class per kind of error. Each message says what is wrong, where, and how to mend it."""

from __future__ import annotations


class ShrinkageError(Exception):
    """Base of every error this library raises on purpose."""


class DataError(ShrinkageError, ValueError):
    """The data cannot be used as they are: NaN, wrong lengths, unknown levels, a target outside its domain."""


class ParameterError(ShrinkageError, ValueError):
    """An argument is outside its domain, or two arguments contradict each other."""


class ConvergenceError(ShrinkageError, RuntimeError):
    """No certified, finite answer was reached where one was demanded."""


class MemoryBudgetError(ShrinkageError, MemoryError):
    """The computation would need more memory than the budget allows; nothing was allocated."""


class FormatError(ShrinkageError, ValueError):
    """A model file is truncated, altered, or not a model file."""


class ConvergenceWarning(UserWarning):
    """The certificate is not within the tolerance; the message names the alpha, the gap and what to try."""
