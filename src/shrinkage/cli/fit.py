"""`shrinkage fit`: a table in; a summary, a model file and a certificate out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage.cli import console, options
from shrinkage.plurals import are, counted

if TYPE_CHECKING:
    from shrinkage.cli.training import Request, Training
    from shrinkage.model_file import Model

FOLDS = 10


def fit(
    data: options.Data,
    target: options.Target,
    loss: options.Loss = None,
    penalty: options.Penalty = "l1",
    l1_ratio: options.L1Ratio = 0.5,
    alpha: Annotated[
        float | None, typer.Option(help="The strength on the mean loss; without it, it is chosen.", show_default=False)
    ] = None,
    cv: Annotated[
        int | None, typer.Option(help=f"Folds to choose alpha by. Default: {FOLDS}.", min=2, show_default=False)
    ] = None,
    rule: Annotated[
        str | None, typer.Option(metavar="RULE", help=f"{', '.join(options.RULES)}. Default: min.", show_default=False)
    ] = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    weights: options.Weights = None,
    offset: options.Offset = None,
    group_by_factor: options.GroupByFactor = False,
    standardize: options.Standardize = True,
    missing: options.Missing = "error",
    unseen: options.Unseen = "error",
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write the model to.", show_default=False)] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HTML file to write that explains the fit.", show_default=False)
    ] = None,
    json: options.Json = False,
    seed: options.Seed = 0,
    delimiter: options.Delimiter = None,
    decimal: options.Decimal = ".",
    na: options.Na = None,
) -> int:
    """Fit a model to a table: the lasso, its strength by 10-fold cross-validation, unless told otherwise.

    \b
    shrinkage fit houses.csv --target price --model houses.json
    shrinkage fit churn.parquet --target left --penalty elastic_net --rule 1se --report churn.html
    gzip -dc big.csv.gz | shrinkage fit - --target y --alpha 0.1 --json
    """
    if alpha is not None and (cv is not None or rule is not None):
        raise typer.BadParameter("--alpha fixes the strength; --cv and --rule choose it. Give one or the other.")
    chosen = options.one_of(rule or "min", options.RULES, "--rule")
    options.writable(model, "--model")
    options.writable(report, "--report")
    request = _request(
        data, target, loss, penalty, l1_ratio, drop, categorical, weights, offset, group_by_factor, standardize, missing,
        unseen, delimiter, decimal, na,
    )  # fmt: skip
    from shrinkage.cli.training import read_training  # heavy, and only now needed

    training = read_training(request)
    estimator, notes = _fitted(request, training, alpha, None if alpha is not None else chosen, cv, seed)
    result = _model(request, training, estimator, chosen if alpha is None else None, seed)
    page = _page(training, estimator) if report is not None else ""
    if report is not None:
        from shrinkage.files import write_atomically

        write_atomically(report, page.encode())
        console.say(f"Report written to {report}: open it in a browser.")
    return _tell(result, notes, model, json)


def _request(
    data: str, target: str, loss: str | None, penalty: str, l1_ratio: float, drop: Any, categorical: Any,
    weights: str | None, offset: str | None, group_by_factor: bool, standardize: bool, missing: str, unseen: str,
    delimiter: str | None, decimal: str, na: Any,
) -> Request:  # fmt: skip
    """The words, each checked before anything heavy is imported or read. Shared with `path`."""
    word, numbers = options.loss_word(loss)
    checked = {
        "penalty": options.one_of(penalty, options.PENALTIES, "--penalty"),
        "missing": options.one_of(missing, options.MISSING, "--missing"),
        "unseen": options.one_of(unseen, options.UNSEEN, "--unseen"),
    }
    if not 0 <= l1_ratio <= 1:
        raise typer.BadParameter(f"{l1_ratio} is not between 0 and 1.", param_hint="--l1-ratio")
    marks = options.one_character(delimiter, "--delimiter"), options.one_character(decimal, "--decimal") or "."
    from shrinkage.cli.training import Request
    from shrinkage.tables.read import CsvOptions

    return Request(
        data=data, target=target, loss=word, loss_numbers=numbers, l1_ratio=l1_ratio, drop=options.listed(drop),
        categorical=options.listed(categorical), weights=weights, offset=offset, group_by_factor=group_by_factor,
        standardize=standardize, csv=CsvOptions(*marks, options.listed(na)), **checked,
    )  # fmt: skip


def _fitted(
    request: Request, training: Training, alpha: float | None, rule: str | None, cv: int | None, seed: int
) -> tuple[Any, list[str]]:
    """The fitted estimator, and the warnings it gave."""
    from shrinkage.estimators import (
        PenalizedClassifier,
        PenalizedClassifierCV,
        PenalizedRegressor,
        PenalizedRegressorCV,
    )

    classes = training.target.classes is not None
    settings = {
        "loss": loss_object(request, training), "penalty": request.penalty, "l1_ratio": request.l1_ratio,
        "groups": training.groups, "standardize": request.standardize,
    }  # fmt: skip
    if rule is None:
        estimator: Any = (PenalizedClassifier if classes else PenalizedRegressor)(alpha=alpha, **settings)
    else:
        folds = _folds(training, rule, cv, seed)
        estimator = (PenalizedClassifierCV if classes else PenalizedRegressorCV)(cv=folds, rule=rule, **settings)
    frame = _named(training)
    with warnings.catch_warnings(record=True) as caught, console.working(f"Fitting {counted(len(training.y), 'row')}"):
        warnings.simplefilter("always")
        estimator.fit(frame, training.labels, sample_weight=training.weights, offset=training.offset)
    return estimator, [str(warning.message) for warning in caught if "Convergence" in warning.category.__name__]


def _named(training: Training) -> Any:
    """The design with its names, not copied. By buffers: Arrow's own conversion imports pandas where it is installed."""
    import pyarrow as pa

    rows = len(training.X)
    columns = [pa.Array.from_buffers(pa.float64(), rows, [None, pa.py_buffer(column)]) for column in training.X.T]
    return pa.Table.from_arrays(columns, names=list(training.encoding.names))


def loss_object(request: Request, training: Training) -> Any:
    """The word; or, where a number came with it, the object."""
    if not request.loss_numbers:
        return training.target.loss
    from shrinkage.losses import loss_from_word

    return loss_from_word(training.target.loss, **request.loss_numbers)


def _folds(training: Training, rule: str, cv: int | None, seed: int) -> Any:
    """Shuffled folds, stratified for two classes; None for a criterion that needs none."""
    if cv is None and rule not in ("min", "1se"):
        return None
    from sklearn.model_selection import KFold, StratifiedKFold

    from shrinkage.errors import DataError

    count, rows = cv or FOLDS, len(training.y)
    classes = training.target.classes
    smallest = rows if classes is None else int(min(training.y.sum(), rows - training.y.sum()))
    if smallest < count:
        what = counted(rows, "row") if classes is None else f"only {counted(smallest, 'row')} of one class"
        raise DataError(
            f"There {are(smallest)} {what}, too few for {count} folds. Use --cv {max(2, smallest)}, or a rule without folds "
            "(--rule bic), or --alpha."
        )
    kind = KFold if classes is None else StratifiedKFold
    return kind(count, shuffle=True, random_state=seed)


def _model(request: Request, training: Training, estimator: Any, rule: str | None, seed: int) -> Model:
    import numpy as np

    from shrinkage.model_file import Model

    certificate = estimator.certificate_
    folds = getattr(getattr(estimator, "cv", None), "n_splits", None)
    alpha = getattr(estimator, "alpha_", None)
    return Model(
        target=training.target.name,
        loss=training.target.loss,
        penalty=request.penalty,
        encoding=training.encoding,
        coef=np.ravel(estimator.coef_).astype(np.float64),
        intercept=float(np.ravel(estimator.intercept_)[0]),
        classes=training.target.classes,
        loss_numbers=request.loss_numbers,
        penalty_numbers=_penalty_numbers(request, training),
        alpha=float(estimator.alpha if alpha is None else alpha),
        rule=rule,
        folds=folds,
        seed=seed if folds else None,
        weights=request.weights,
        offset=request.offset,
        null_words=request.csv.null_words,
        certificate={
            "kind": certificate.kind, "value": float(certificate.value), "relative": float(certificate.relative),
            "tol": float(certificate.tol), "holds": bool(certificate.holds), "sentence": certificate.sentence,
        },
        data=training.data,
        path=_path_numbers(estimator),
        summary="\n".join([str(estimator.summary()), *_how_chosen(estimator, folds, seed)]),
    )  # fmt: skip


def _how_chosen(estimator: Any, folds: int | None, seed: int) -> list[str]:
    """One sentence on the choice of alpha; none where it was given."""
    choice = getattr(estimator, "choice_", None)
    if choice is None:
        return []
    road = f"Alpha was chosen among {len(choice.alphas)} by the rule {choice.rule}"
    if choice.test_errors is None:
        return [f"{road}, without held-out rows."]
    i = choice.index
    error = f"{choice.mean[i]:.4g} (standard error {choice.se[i]:.3g}), and {choice.mean[0]:.4g} at the largest alpha"
    return [f"{road} over {folds} folds (seed {seed}): the mean held-out deviance is {error}."]


def _penalty_numbers(request: Request, training: Training) -> dict[str, Any]:
    numbers: dict[str, Any] = {"standardize": request.standardize}
    if request.penalty == "elastic_net":
        numbers["l1_ratio"] = request.l1_ratio
    if training.groups is not None:
        numbers["groups"] = training.groups.tolist()
    return numbers


def _path_numbers(estimator: Any) -> dict[str, Any]:
    """The road to the choice: one number per alpha."""
    choice = getattr(estimator, "choice_", None)
    if choice is None:
        return {}
    path = choice.path
    numbers = {
        "alphas": path.alphas, "nonzeros": (path.coefs != 0).sum(axis=0), "deviance_explained": path.deviance_explained,
        "certificates": path.gaps, "criteria": dict(choice.criteria),
    }  # fmt: skip
    if choice.test_errors is not None:
        numbers |= {"held_out_error": choice.mean, "held_out_se": choice.se}
    return numbers


def _page(training: Training, estimator: Any) -> str:
    """The report of this fit, with where its data came from."""
    from shrinkage.cli.origin import origin
    from shrinkage.page.record import record
    from shrinkage.page.report import html
    from shrinkage.page.study import of_estimator

    with console.working("Making the report"):
        return html(record(of_estimator(estimator, target=training.target.name, origin=origin(training))))


def _tell(model: Model, notes: list[str], file: Path | None, as_json: bool) -> int:
    """Write first, so that nothing downstream can lose the model; then tell."""
    from shrinkage.model_file import save

    for note in notes:
        console.say(f"Warning: {note}")
    if file is not None:
        save(model, file)
        console.say(f"Model written to {file}.")
    if as_json:
        console.out_json(described(model, None if file is None else str(file)))
    else:
        console.out(model.summary)
    if file is not None and not as_json:
        console.say(f"Next: shrinkage predict {file} NEW_DATA")
    if model.certificate["holds"]:
        return console.OK
    console.say(f"{model.certificate['sentence']}{' The model is written all the same.' if file else ''}")
    return console.NOT_CERTIFIED


def described(model: Model, file: str | None) -> dict[str, Any]:
    """A model as `--json` prints it: here and in `show`."""
    from shrinkage.model_file import finite

    return finite(
        {
            "target": model.target, "classes": model.classes, "loss": {"name": model.loss, **model.loss_numbers},
            "penalty": {"name": model.penalty, **model.penalty_numbers}, "alpha": model.alpha, "rule": model.rule,
            "folds": model.folds, "seed": model.seed, "intercept": model.intercept,
            "coefficients": dict(zip(model.encoding.names, model.coef, strict=True)), "certificate": model.certificate,
            "columns": [{"name": c.name, "kind": c.kind, "levels": c.levels} for c in model.encoding.columns],
            "left_out": [{"name": name, "reason": reason} for name, reason in model.encoding.left_out],
            "missing": model.encoding.missing, "unseen": model.encoding.unseen, "data": model.data, "path": model.path,
            "model": file,
        }
    )  # fmt: skip
