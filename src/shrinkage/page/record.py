"""What a page shows, as plain numbers: a `Study` in, a dict for JSON out. `web/src/record.ts` says what each field means."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage import __version__
from shrinkage.designs import Vector
from shrinkage.estimators.prior import Sigma, prior_sentences, sigma_of
from shrinkage.estimators.summary import Section, summarise
from shrinkage.grids import per_alpha
from shrinkage.page.evidence import Evidence, evidence
from shrinkage.page.study import Study
from shrinkage.penalties.base import Twin
from shrinkage.penalties.terms import NAMES
from shrinkage.plurals import are, counted
from shrinkage.units import Units

SCHEMA = 1
SHOWN = 500  # features, at most
PAIRED = 100  # features of which the Gram matrix is written
POINTS = 400  # of a picture of residuals
BINS = 10  # of a calibration
DIGITS = 9
FEWER = 5  # significant digits, for more than PAIRED features
WHOLE = 17  # significant digits, which hold every bit
EXACT = ("alphas",)  # a fit is done again from these
LABELS = {
    "squared_error": "mean squared error", "root_squared_error": "mean squared error", "logistic": "mean deviance",
    "poisson": "mean deviance", "absolute_error": "mean absolute error", "quantile": "mean pinball loss",
    "huber": "mean Huber deviance",
}  # fmt: skip


def record(study: Study, *, live: bool = False, draws: int | None = None) -> dict[str, Any]:
    """Everything, rounded. `draws`: half samples for the stability of the selection (None: as many as are quick; 0: neither
    these nor held-out predictions). `live`: a server answers what needs a refit."""
    task, path, index = study.task, study.choice.path, study.index
    _, units = task.prepared()
    unit = 1 / units.scale
    coefs = np.array(path.coefs, np.float64)
    coefs[:, index] = study.record.coef
    shown = _shown(coefs, units.sd, index)
    digits = DIGITS if len(shown) <= PAIRED else FEWER
    sigma = sigma_of(study.record)
    found = None if draws == 0 else evidence(study, draws)
    section = _section(study)
    local = _local(study, units, shown)
    body = {
        "schema": SCHEMA,
        "title": f"{study.words.model}: {study.target}",
        "answer": _answer(study, section, coefs[:, index] * units.sd),
        "live": live,
        "model": study.words.model,
        "target": study.target,
        "classes": None if study.classes is None else list(study.classes),
        "n": study.record.n,
        "p": task.design.shape[1],
        "loss": {"name": task.loss.name, "label": LABELS.get(task.loss.name, "mean loss")},
        "penalty": _penalty(study, shown),
        "dial": dict(zip(("name", "factor", "inverse"), study.dial, strict=True)),
        "noise": _noise(study, sigma),
        "standardized": task.standardize,
        "has_intercept": task.intercept,
        "features": _features(study, units, shown, local),
        "path": _path(study, coefs[shown] * unit[shown, None]),
        "curve": _curve(study),
        "local": local,
        "drawn": draws != 0,
        "stability": None if found is None else _stability(found, shown),
        "fitted": _fitted(study, found),
        "data": _fingerprint(study),
        "prior": prior_sentences(study.record, sigma, study.words.dial, study.words.unit),
        "warnings": _warnings(study, section, found, units),
        "command": study.origin.command,
        "versions": _versions(),
    }
    return rounded(body, digits)


def rounded(value: Any, digits: int) -> Any:
    """For JSON: numbers to so many significant digits (those of `EXACT` to every bit), whole ones without a point, None for what
    is not finite."""
    if isinstance(value, dict):
        return {key: rounded(item, WHOLE if key in EXACT else digits) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return rounded(value.tolist(), digits)
    if isinstance(value, list | tuple):
        return [_short(item, digits) if type(item) is float else rounded(item, digits) for item in value]
    if isinstance(value, np.generic):
        return rounded(value.item(), digits)
    return _short(value, digits) if isinstance(value, float) else value


def _short(value: float, digits: int) -> float | int | None:
    short = float(f"{value:.{digits}g}")  # the largest of all numbers may round to infinity
    if not math.isfinite(short):
        return None
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _shown(coefs: np.ndarray, sd: Vector, index: int) -> Vector:
    """Features some alpha uses; of too many, those of the chosen model, then the largest anywhere. All, where few."""
    p = len(coefs)
    if p <= PAIRED:
        return np.arange(p)
    size = np.abs(coefs) * sd[:, None]
    largest = size.max(axis=1)
    used = np.flatnonzero(largest > 0)
    order = np.lexsort((-largest[used], -size[used, index]))
    return np.sort(used[order[:SHOWN]])


# ---- words


def _section(study: Study) -> Section:
    return summarise([study.record], study.names, [0], study.words).sections[0]


def _answer(study: Study, section: Section, per_sd: Vector) -> str:
    """What was kept, how much it explains here and in rows held out, and what matters most."""
    kept = int(np.count_nonzero(study.record.coef))
    if study.record.half_deviance == 0 or kept == 0:
        return section.sentence
    p = len(study.record.coef)
    many = "every one" if kept == p > 1 else f"{kept}"
    features = f"Of {counted(p, 'feature')} the model keeps {many}"
    what = "variance" if study.task.loss.name == "squared_error" else "deviance"
    explained = f"{100 * study.record.deviance_explained:.0f}% of the {what} of {study.target} in the rows it was fitted to"
    out = held_out_share(study)
    beyond = "" if out is None else f", and {'none' if out <= 0 else f'about {100 * out:.0f}%'} in rows it had not seen"
    order = np.argsort(-np.abs(per_sd), kind="stable")[: min(3, kept)]
    largest = ", ".join(f"{study.names[j]} ({per_sd[j]:+.3g})" for j in order)
    effect = "" if study.classes is None else f" on the log odds of {study.classes[1]!r}"
    verb = "they explain" if kept > 1 else "it explains"
    return f"{features}; {verb} {explained}{beyond}. Largest effects per standard deviation{effect}: {largest}."


def held_out_share(study: Study) -> float | None:
    """One less the held-out error over that of the null model, both per row."""
    curve, half = study.curve, study.record.half_deviance
    if curve is None or not half:
        return None
    null = study.task.loss.deviance_unit * half / study.record.total_weight
    return 1 - float(curve.mean[study.index]) / null


def _warnings(study: Study, section: Section, found: Evidence | None, units: Units) -> list[str]:
    out = list(section.warnings)
    record, task = study.record, study.task
    kept = np.flatnonzero(record.coef)
    share = held_out_share(study)
    if share is not None and len(kept) and record.deviance_explained > 0:
        if share <= 0:
            out.append("In rows it had not seen, the model predicts no better than the mean: do not use it to predict.")
        elif share < record.deviance_explained / 2:
            out.append(
                "In rows it had not seen the model explains less than half of what it explains in its own: it is overfitted. "
                "A stronger penalty, or more rows, would help."
            )
    if found is not None and len(kept) and (record.coef == 0).any():
        shaky = [study.names[j] for j in kept if found.kept[j, -1] < 0.5]  # at the chosen alpha
        if shaky:
            out.append(
                f"{listed(shaky)} {are(len(shaky))} kept here, but in fewer than half of the draws: "
                "another sample might well choose otherwise."
            )
    sd = units.sd[units.sd > 0]
    if not task.standardize and len(sd) and sd.max() > 10 * sd.min() and len(kept):
        out.append(
            f"The columns were not standardised, and their standard deviations range from {sd.min():.3g} to {sd.max():.3g}: "
            "the penalty holds columns of small spread down much harder."
        )
    bad = sum(not outcome for outcome in study.choice.path.outcomes)
    if bad:
        models = counted(len(study.choice.alphas), "model")
        out.append(f"{bad} of the {models} on the path {are(bad)} not certified to be optimal.")
    if record.n < 2 * len(kept):
        rows, features = counted(record.n, "row"), counted(len(kept), "feature")
        out.append(f"There {are(record.n)} {rows} for {features} kept: with so few, errors may be far off.")
    return out


def listed(names: Sequence[str], most: int = 5) -> str:
    shown = [*names[:most], f"{len(names) - most} more"] if len(names) > most else list(names)
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


# ---- numbers


def _penalty(study: Study, shown: Vector) -> dict[str, Any]:
    unit, p = study.task.penalty, study.task.design.shape[1]
    twin = unit.twin(p)
    moving = hasattr(unit, "word")  # a family over its strength, whose knots move with alpha
    if twin is None:
        return {
            "kind": "other", "words": repr(unit), "convex": bool(unit.convex), "terms": None, "groups": None,
            "group_terms": None, "knots_move": False,
        }  # fmt: skip
    kind = _kind(twin)
    grouped = twin.groups is not None
    groups = [int(g) if g >= 0 else None for g in twin.groups[shown]] if grouped else None
    return {
        "kind": kind, "words": _words(kind, twin), "convex": bool(unit.convex), "terms": _terms(twin.terms[:, shown]),
        "groups": groups, "group_terms": None if twin.group_terms is None else _terms(twin.group_terms), "knots_move": moving,
    }  # fmt: skip


def _terms(table: np.ndarray) -> dict[str, list[float]]:
    return {name: row.tolist() for name, row in zip(NAMES, table, strict=True)}


def _kind(twin: Twin) -> str:
    grouped = twin.groups is not None
    l1, l2, _, _, slope, fall, _ = twin.terms if twin.group_terms is None else twin.group_terms
    if (slope > 0).any():
        concave = "scad" if (fall[slope > 0] > 0).any() else "mcp"
        return f"group_{concave}" if grouped else concave
    if grouped:
        return "group"
    flat, bent = (l1 > 0).any(), (l2 > 0).any()
    return "elastic_net" if flat and bent else "l1" if flat else "l2" if bent else "none"


def _words(kind: str, twin: Twin) -> str:
    words = {
        "l1": "lasso (L1)", "l2": "ridge (L2)", "elastic_net": "elastic net (L1 + L2)", "group": "group lasso", "mcp": "MCP",
        "scad": "SCAD", "group_mcp": "group MCP", "group_scad": "group SCAD", "none": "no penalty",
    }[kind]  # fmt: skip
    low, high = twin.terms[2], twin.terms[3]
    if (low == 0).all() and np.isinf(high).all():
        return f"{words}, no coefficient negative"
    return f"{words}, with bounds" if np.isfinite(low).any() or np.isfinite(high).any() else words


def _noise(study: Study, sigma: Sigma) -> dict[str, Any]:
    task = study.task
    estimated = task.loss.name == "squared_error"
    value = (task.loss.sigma if study.record.stated else sigma.value) if estimated else None
    return {
        "weight": per_alpha(task), "dispersion": None if sigma.value is None else sigma.value**2, "sigma": value,
        "words": sigma.whence or sigma.missing,
    }  # fmt: skip


def _features(study: Study, units: Units, shown: Vector, local: dict[str, Any] | None) -> dict[str, Any]:
    names, sources = study.names, study.origin.sources or study.names
    return {
        "names": [names[j] for j in shown],
        "sd": units.sd[shown],
        "mean": _means(study)[shown],
        "unit": (1 / units.scale)[shown],
        "source": [str(sources[j]) for j in shown],
        "left_out": len(names) - len(shown),
        "unpenalized": _unpenalized(study, local),
    }


def _means(study: Study) -> Vector:
    weights = study.task.weights
    return study.task.design.moments(weights / weights.sum()).mean


def _unpenalized(study: Study, local: dict[str, Any] | None) -> list[float]:
    """Least squares, where it is unique and the whole of it is shown."""
    if local is None or not local["exact"] or len(local["pull"]) < study.task.design.shape[1]:
        return []
    half = np.array([row + [0.0] * (len(local["pull"]) - len(row)) for row in local["gram"]])
    gram = half + np.tril(half, -1).T
    values = np.linalg.eigvalsh(gram)
    return np.linalg.solve(gram, local["pull"]).tolist() if values[0] > 1e-10 * values[-1] else []


def _path(study: Study, acting: np.ndarray) -> dict[str, Any]:
    path, record = study.choice.path, study.record
    intercepts = np.array(path.intercepts)
    intercepts[study.index] = record.intercept
    return {
        "alphas": path.alphas, "coefs": acting, "intercepts": intercepts, "nonzeros": (path.coefs != 0).sum(axis=0),
        "df": path.df, "explained": path.deviance_explained, "losses": path.losses / per_alpha(study.task),
        "certificates": path.gaps, "certificate_kind": path.kinds[0], "tol": path.tol,
        "certificate_words": record.certificate.sentence, "index": study.index, "rule": study.rule,
    }  # fmt: skip


def _curve(study: Study) -> dict[str, Any] | None:
    curve = study.curve
    if curve is None or curve.train_errors is None:
        return None
    return {
        "mean": curve.mean, "se": curve.se, "train": curve.train_errors.mean(axis=1), "folds": curve.train_errors.shape[1],
        "index_min": curve.index_min, "index_1se": curve.index_1se,
        "words": f"{curve.train_errors.shape[1]} folds: each predicted by a model of all the others",
    }  # fmt: skip


def _local(study: Study, units: Units, shown: Vector) -> dict[str, Any] | None:
    """The loss's expansion at the chosen model, the intercept at its best for every w."""
    task, record = study.task, study.record
    if len(shown) > PAIRED or not (task.loss.smooth and task.loss.separable):
        return None
    total = float(task.weights.sum())
    eta = task.design.matvec(np.asarray(record.coef, np.float64)) + record.intercept + task.offset
    curvature = task.weights * np.broadcast_to(np.asarray(task.loss.curvature(task.y, eta)), task.y.shape)
    view = task.design.view(_means(study) if task.intercept else np.zeros(len(units.sd)), units.scale)
    gram = view.gram(shown, shown, curvature)
    if task.intercept:
        border = view.rmatmat(curvature[:, None])[shown, 0]
        gram = gram - np.outer(border, border) / curvature.sum()
    gradient = task.loss.total_gradient(task.y, eta, task.weights)
    slope = view.rmatmat(np.asarray(gradient)[:, None])[shown, 0]
    w = np.asarray(record.coef, np.float64)[shown] / units.scale[shown]
    bent = gram @ w
    value = float(task.loss.total(task.y, eta, task.weights))
    return {
        "exact": task.loss.name == "squared_error",
        "gram": [(row[: j + 1] / total).tolist() for j, row in enumerate(gram)],
        "pull": ((bent - slope) / total).tolist(),
        "constant": (value - slope @ w + w @ bent / 2) / total,
    }


def _stability(found: Evidence, shown: Vector) -> dict[str, Any]:
    return {
        "draws": found.draws, "words": found.words, "indices": found.indices, "frequency": np.round(found.kept[shown], 3),
    }  # fmt: skip


def _fitted(study: Study, found: Evidence | None) -> dict[str, Any] | None:
    task = study.task
    if not task.loss.separable and task.loss.name != "root_squared_error":
        return None
    held = found is not None and found.eta is not None
    if held:
        assert found is not None and found.eta is not None
        eta = found.eta
    else:
        eta = task.design.matvec(np.asarray(study.record.coef, np.float64)) + study.record.intercept + task.offset
    rows = np.flatnonzero((task.weights > 0) & np.isfinite(eta))
    mean, y, weights = np.asarray(task.loss.mean(eta[rows])), task.y[rows], task.weights[rows]
    words = (
        "each row predicted by the fold that had not seen it" if held else "the rows of the fit, predicted by the model itself"
    )
    if task.loss.name == "logistic":
        return _calibration(mean, y, weights) | {"held_out": held, "rows": len(rows), "words": words}
    kept = _thinned(mean, y)
    return {
        "held_out": held, "kind": "residuals", "fitted": mean[kept], "observed": y[kept], "counts": [], "rows": len(rows),
        "words": words,
    }  # fmt: skip


def _calibration(mean: Vector, y: Vector, weights: Vector) -> dict[str, Any]:
    """Bins of as many rows each, by their predicted probability; ties stay together."""
    edges = np.unique(np.quantile(mean, np.linspace(0, 1, BINS + 1)))
    bins = np.clip(np.searchsorted(edges, mean, side="right") - 1, 0, max(len(edges) - 2, 0))
    total = np.bincount(bins, weights)
    used = total > 0
    return {
        "kind": "calibration",
        "fitted": np.bincount(bins, weights * mean)[used] / total[used],
        "observed": np.bincount(bins, weights * y)[used] / total[used],
        "counts": np.bincount(bins)[used],
    }


def _thinned(mean: Vector, y: Vector) -> Vector:
    """All rows, or some evenly along the predictions, with the largest residuals on either side."""
    if len(mean) <= POINTS:
        return np.arange(len(mean))
    order = np.argsort(mean, kind="stable")
    even = order[np.linspace(0, len(order) - 1, POINTS - 20).round().astype(int)]
    by_residual = np.argsort(y - mean, kind="stable")
    return np.unique(np.concatenate([even, by_residual[:10], by_residual[-10:]]))


def _fingerprint(study: Study) -> dict[str, Any]:
    origin = study.origin
    return {
        "source": origin.source, "rows": len(study.task.y), "columns": origin.columns, "dropped": list(origin.dropped),
        "encodings": [{"name": name, "kind": kind, "levels": list(levels)} for name, kind, levels in origin.encodings],
        "sha256": origin.sha256,
    }  # fmt: skip


def _versions() -> dict[str, str]:
    import scipy
    import sklearn

    return {
        "shrinkage": __version__, "Python": platform.python_version(), "NumPy": np.__version__, "SciPy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }  # fmt: skip
