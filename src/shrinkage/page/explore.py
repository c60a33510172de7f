"""`shrinkage.explore`: the page of a fit, alive. What its controls ask for is fitted again, here, on this machine."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np

from shrinkage.errors import ParameterError
from shrinkage.estimators.prior import Sigma, prior_sentences
from shrinkage.estimators.summary import Words
from shrinkage.estimators.words import Words as PenaltyWords
from shrinkage.inputs import read_design
from shrinkage.page.record import DIGITS, record, rounded
from shrinkage.page.report import html
from shrinkage.page.report import study as study_of
from shrinkage.page.serve import Server
from shrinkage.page.study import Origin, Study, of_task
from shrinkage.selection import RULES

PENALTIES = ("l1", "l2", "elastic_net", "group_lasso", "mcp", "scad")
RELATED = 0.5  # absolute correlation from which features are one group, where the data have no groups of their own
INTO_GROUPS = 1000  # features, at most: each is compared with each
FOLDS, ALPHAS = 5, 100  # as the estimators have them
HEIGHT = 900  # pixels of the frame in a notebook


def explore(fit: Any, *, target: str | None = None, which: int = 0) -> Explorer:
    """Open a fit as a page whose controls answer: penalty, alpha, noise, standardising, features. In a notebook the page
    shows in a frame; elsewhere its `address` opens in a browser on this machine.

    **Arguments**

    - `fit`: a fitted estimator, or what `select` or `solve` returned; each refers to its data until it is pickled.
    - `target`: what is predicted, in words; else what y calls it, where that is a series or a frame. `which`: the number of the
      target, where there are several.

    The server listens on the loopback alone, its address holds a random token, and no data leave the machine. It runs until
    `close()`, or until Python ends.

    **Raises** `ParameterError` where the data are no longer there or have changed.
    """
    return Explorer(study_of(fit, target, which)).start()


@dataclass(eq=False)
class Explorer:
    """A page that is being served. Shows itself in a notebook; `with` closes it at the end.

    **Attributes**: `address`, to open in a browser on this machine; `server`.
    """

    study: Study
    server: Server = field(init=False)
    port: int = 0

    def __post_init__(self) -> None:
        page = html(record(self.study, live=True))
        self.server = Server(page, answering(self.study), self.port)

    @property
    def address(self) -> str:
        return self.server.address

    def start(self) -> Explorer:
        """Serve from a thread, which ends with Python."""
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def close(self) -> None:
        """Stop the server that `start` has started, and free its port."""
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Explorer at {self.address}"

    def _repr_html_(self) -> str:
        address = escape(self.address)
        return (
            f'<iframe src="{address}" title="shrinkage explorer" style="width:100%;height:{HEIGHT}px;border:0"></iframe>'
            f'<p><a href="{address}" target="_blank" rel="noreferrer">Open in a tab</a></p>'
        )


def answering(study: Study) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What the server answers to the page: the record of the fit that its controls describe."""

    def answer(wanted: dict[str, Any]) -> dict[str, Any]:
        controls = Controls.read(wanted, study)
        return told(refitted(study, controls), controls)

    return answer


@dataclass(frozen=True)
class Controls:
    """What the page's controls say. `alpha` acts on the mean loss; None: it is chosen. `noise`: sigma; None: estimated.
    `evidence`: whether halves of the rows are drawn, for the stability of the selection and for held-out predictions."""

    penalty: str = "l1"
    l1_ratio: float = 0.5
    standardize: bool = True
    drop: tuple[str, ...] = ()
    alpha: float | None = None
    noise: float | None = None
    evidence: bool = False

    @classmethod
    def read(cls, wanted: dict[str, Any], study: Study) -> Controls:
        """**Raises** `ParameterError`, a sentence that the page shows."""
        unknown = sorted(set(wanted) - set(cls.__dataclass_fields__))
        if unknown:
            raise ParameterError(f"Unknown control {unknown[0]!r}. Known are: {', '.join(cls.__dataclass_fields__)}.")
        found = cls(
            penalty=_word(wanted.get("penalty", "l1")),
            l1_ratio=_number(wanted, "l1_ratio", 0.5, most=1.0),
            standardize=wanted.get("standardize", study.task.standardize),
            drop=_dropped(wanted.get("drop", []), study.names),
            alpha=_number(wanted, "alpha", None, open_low=True),
            noise=_number(wanted, "noise", None, open_low=True),
            evidence=wanted.get("evidence", False),
        )
        for name in ("standardize", "evidence"):
            if not isinstance(getattr(found, name), bool):
                raise ParameterError(f"{name} must be true or false; got {getattr(found, name)!r}.")
        if found.noise is not None and study.task.loss.name != "squared_error":
            raise ParameterError(f"The noise level belongs to squared error; the loss is {study.task.loss.name}.")
        return found


def _word(penalty: Any) -> str:
    if penalty not in PENALTIES:
        raise ParameterError(f"penalty must be one of {', '.join(PENALTIES)}; got {penalty!r}.")
    return str(penalty)


def _number(wanted: dict[str, Any], name: str, default: float | None, most: float = math.inf, open_low: bool = False) -> Any:
    value = wanted.get(name, default)
    if value is default:
        return default
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not (0 <= number <= most and math.isfinite(number)) or (open_low and number == 0):
        bounds = f"between 0 and {most:g}" if math.isfinite(most) else "positive" if open_low else "at least 0"
        raise ParameterError(f"{name} must be a number {bounds}; got {value!r}.")
    return number


def _dropped(names: Any, known: list[str]) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ParameterError(f"drop must be a list of names of features; got {names!r}.")
    strangers = [name for name in names if name not in known]
    if strangers:
        raise ParameterError(f"There is no feature {strangers[0]!r} to drop.")
    if len(set(names)) == len(known):
        raise ParameterError("Every feature is dropped: keep at least one.")
    return tuple(names)


def refitted(study: Study, controls: Controls) -> Study:
    """The same data and loss, fitted as the controls say."""
    task = study.task
    kept = [j for j, name in enumerate(study.names) if name not in controls.drop]
    names = [study.names[j] for j in kept]
    design = task.design if len(kept) == len(study.names) else read_design(task.design.data[:, kept]).design
    groups = groups_of(study)[kept] if controls.penalty == "group_lasso" else None
    unit = PenaltyWords(controls.penalty, controls.l1_ratio, None, None, groups).unit(len(kept), names, None)
    task = replace(task, design=design, names=names, penalty=unit, standardize=controls.standardize)
    model = "PenalizedRegressor" if study.classes is None else "PenalizedClassifier"
    model += "" if controls.alpha is not None else "CV"
    found = of_task(
        task, words=Words(model, "alpha", "mean loss"), origin=_origin(study, controls, model, kept), alpha=controls.alpha,
        rule=study.rule if study.rule in RULES else "min", target=study.target, stated=study.record.stated, folds=FOLDS,
        n_alphas=ALPHAS,
    )  # fmt: skip
    return replace(found, classes=study.classes)


def groups_of(study: Study) -> np.ndarray:
    """The group of each feature: the levels of a factor together; without factors, features correlated by more than
    `RELATED` (complete linkage)."""
    sources = list(study.origin.sources)
    if len(set(sources)) < len(sources):
        return np.unique(sources, return_inverse=True)[1]
    p = study.task.design.shape[1]
    if p > INTO_GROUPS:
        raise ParameterError(f"There are no groups: no factor among {p} features, too many to compare each with each.")
    return related(study)


def related(study: Study) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    task = study.task
    if task.design.shape[1] == 1:
        return np.zeros(1, np.int64)
    share = task.weights / task.weights.sum()
    moments = task.design.moments(share)
    view = task.design.view(moments.mean, np.ones(task.design.shape[1]))
    columns = np.arange(task.design.shape[1])
    covariance = view.gram(columns, columns, share)
    sd = np.sqrt(np.diag(covariance))
    sd = np.where(sd > 0, sd, 1.0)
    distance = np.clip(1 - np.abs(covariance / np.outer(sd, sd)), 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    labels = fcluster(linkage(squareform(distance, checks=False), "complete"), 1 - RELATED, "distance")
    return np.asarray(labels - 1, np.int64)


def _origin(study: Study, controls: Controls, model: str, kept: list[int]) -> Origin:
    """The call that does it again, from the X and y that were explored."""
    words = {"loss": study.task.loss.name, "penalty": controls.penalty, "alpha": controls.alpha}
    usual = {"loss": "logistic" if study.classes else "squared_error", "penalty": "l1", "alpha": None}
    given = [f"{name}={value!r}" for name, value in words.items() if value != usual[name]]
    if controls.penalty == "elastic_net":
        given.append(f"l1_ratio={controls.l1_ratio!r}")
    if controls.penalty == "group_lasso":
        given.append(f"groups={groups_of(study)[kept].tolist()}")
    if controls.standardize:
        given.append("standardize=True")
    data = f"X.drop(columns={list(controls.drop)})" if controls.drop else "X"
    sources = study.origin.sources
    return replace(
        study.origin, command=f"sh.{model}({', '.join(given)}).fit({data}, y)",
        sources=tuple(sources[j] for j in kept) if sources else (),
    )  # fmt: skip


def told(study: Study, controls: Controls) -> dict[str, Any]:
    """The record, its priors told for a sigma that the reader has set. Draws take long: only where they are asked for."""
    found, noise = record(study, live=True, draws=None if controls.evidence else 0), controls.noise
    if noise is None:
        return found
    sigma = Sigma(noise / study.task.loss.sigma, f"sigma = {noise:.4g}, as you set it")
    found["noise"] |= {"sigma": noise, "dispersion": sigma.value**2, "words": sigma.whence}  # type: ignore[operator]
    found["prior"] = prior_sentences(study.record, sigma, study.words.dial, study.words.unit)
    return rounded(found, DIGITS)
