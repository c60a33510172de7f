"""What each library minimises, as data: one row a convention.

A row reads like the objective it stands for,

    loss * (exact negative log-likelihood) + (l1 * value) |w| + (l2 * value) w**2 / 2,

where `loss`, `l1` and `l2` are products of powers of facts about the data (`Product`). Everything else follows: the
strength on the exact negative log-likelihood is `l1 * value / loss`, and one row is translated to another by dividing
one such product by the other, in which the facts both share cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

Kind = Literal["l1", "l2"]

FACTS = {
    "n": "the number of observations (the sum of the weights where there are weights)",
    "dispersion": "the dispersion of the likelihood, which for a Gaussian is sigma**2, so sigma= does as well",
    "outputs": "the number of outputs, columns of y",
    "sd_y": "the standard deviation of y with divisor n (its root mean square for a fit without intercept)",
    "column_sd": "the number each column of X was divided by, one for all or one a column",
    "residual_norm": "the Euclidean norm of the residuals y - X w at the solution",
}
"""The facts a translation may need, and what each means."""


@dataclass(frozen=True)
class Product:
    """A positive constant times powers of facts; the powers are multiples of one half."""

    constant: Fraction = Fraction(1)
    powers: dict[str, Fraction] = field(default_factory=dict)

    def __truediv__(self, other: Product) -> Product:
        return self * other**-1

    def __mul__(self, other: Product) -> Product:
        powers = {f: self.powers.get(f, 0) + other.powers.get(f, 0) for f in FACTS}
        return Product(self.constant * other.constant, {f: Fraction(e) for f, e in powers.items() if e})

    def __pow__(self, exponent: int) -> Product:
        return Product(self.constant**exponent, {f: e * exponent for f, e in self.powers.items()})


def product(constant: float = 1, **powers: float) -> Product:
    return Product(Fraction(constant), {f: Fraction(e) for f, e in powers.items()})


ONE, TWO, N, N_ROOT, PHI = product(), product(2), product(n=1), product(n=0.5), product(dispersion=1)
# losses, as multiples of the exact negative log-likelihood
MEAN = PHI / N  # the mean over rows of dispersion * NLL, such as RSS / (2 n)
SQUARES = TWO * PHI  # RSS
MEAN_SQUARE = SQUARES / N / product(outputs=1)  # the mean of squares over rows and outputs
ROOT = PHI / product(residual_norm=1)  # |r|_2, at a solution with this norm; see docs/scales.md


@dataclass(frozen=True)
class Row:
    """One convention. `loss`, `l1`, `l2`: see the module. A weight that is None is one the convention does not have.

    `power`: the objective holds value**power, so -1 for an inverse strength such as C; `power_l2` where L2 differs.
    `pair`: how a pair of numbers is read, "share" (a total and the share of it that is L1) or "two" (an L1, an L2).
    `family`: the likelihood, where the convention has only one. `gaussian` is the only one with a sigma.
    """

    word: str
    objective: str
    loss: Product
    l1: Product | None = None
    l2: Product | None = None
    power: int = 1
    power_l2: int | None = None
    pair: Literal["share", "two"] | None = None
    names: tuple[str, str] = ("", "")
    family: str | None = None
    note: str = ""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(k for k in ("l1", "l2") if getattr(self, k) is not None)

    def unit(self, kind: Kind) -> Product:
        """The strength, on the exact negative log-likelihood, of a value of one."""
        weight: Product = getattr(self, kind)
        return weight / self.loss

    def exponent(self, kind: Kind) -> int:
        return self.power_l2 if kind == "l2" and self.power_l2 is not None else self.power

    @property
    def source(self) -> str:
        return SOURCES.get(self.word.split(".")[0], "this library")

    @property
    def description(self) -> str:
        return self.objective + (f". {self.note}" if self.note else "")

    def standardized(self) -> Row:
        """The same convention acting on columns that were divided by `column_sd` before the fit."""
        sd = product(column_sd=1)
        return replace(
            self,
            word=self.word + STANDARDIZED,
            l1=self.l1 and self.l1 * sd,
            l2=self.l2 and self.l2 * sd**2,
            note="On columns divided by column_sd; the result speaks of the columns as they were. " + self.note,
        )


STANDARDIZED = ":standardized"

SOURCES = {
    "sklearn": "scikit-learn's user guide: Linear Models, Stochastic Gradient Descent",
    "glmnet": "glmnet's manual; the factor sd_y is not stated there and was measured with 4.1-6",
    "lars": "lars's manual",
    "selectiveInference": "selectiveInference's manual",
    "hdm": "hdm's vignette",
    "bayesian_lasso": "Park and Casella (2008)",
    "belloni": "Belloni, Chernozhukov and Wang (2011)",
    "statsmodels": "statsmodels' reference: fit_regularized",
    "skglm": "skglm's reference",
    "liblinear": "liblinear's README",
    "lifelines": "lifelines' reference; the standardisation is in its source, CoxPHFitter.fit, 0.30",
    "torch": "torch.optim's reference: weight_decay * w is added to the gradient",
    "keras": "keras.regularizers' reference",
    "laplace": "laplace-torch's reference",
}
"""Where each library's objective is stated, by the first part of its words; the others are this library's own."""


def _lasso(word: str, text: str, loss: Product, **rest: Any) -> Row:
    return Row(word, f"{text} + {word.rsplit('.', 1)[-1]} |w|_1", loss, **{"l1": ONE} | rest)


def _ridge(word: str, text: str, loss: Product, **rest: Any) -> Row:
    name = rest.get("names", (word.rsplit(".", 1)[-1],))[0]
    return Row(word, f"{text} + {name}/2 |w|_2^2", loss, **{"l2": ONE} | rest)


def _elastic(word: str, text: str, loss: Product, share: str = "l1_ratio", **rest: Any) -> Row:
    name = word.rsplit(".", 1)[-1]
    mixed = f"{share} |w|_1 + (1 - {share})/2 |w|_2^2"
    objective = f"{text} + {mixed}" if rest.get("power") else f"{text} + {name} ({mixed})"
    row: dict[str, Any] = {"objective": objective, "l1": ONE, "l2": ONE, "pair": "share", "names": (name, share)} | rest
    return Row(word, loss=loss, **row)


_DECAY: dict[str, Any] = {
    "names": ("weight_decay", ""),
    "note": "By SGD or Adam, biases included; n counts the whole training set",
}
_EPOCH: dict[str, Any] = {"note": "n counts the whole training set, whatever the batch"}
_CONSTANT: dict[str, Any] = {"note": "A scalar alpha penalises the constant too; give it a vector with a 0"}
_STANDARDIZE: dict[str, Any] = {"note": "Means standardize=FALSE; for glmnet's default, TRUE, add ':standardized' to the word"}
_GLMNET: dict[str, Any] = {"share": "alpha", **_STANDARDIZE}
_PLUS = "l1 |w|_1 + l2/2 |w|_2^2"

# fmt: off
ROWS: tuple[Row, ...] = (
    # the canonical scale, and the priors it stands for
    Row("strength", f"NLL + {_PLUS}, NLL the exact negative log-likelihood, summed over the rows", ONE, ONE, ONE,
        pair="two", names=("l1", "l2")),
    Row("prior", "independent coefficients of density prop. to Laplace(b) times Normal(tau)", ONE, ONE, ONE,
        power=-1, power_l2=-2, pair="two", names=("b", "tau")),
    Row("prior.Laplace.scale", "each coefficient has density exp(-|w|/scale) / (2 scale)", ONE, l1=ONE, power=-1),
    Row("prior.Normal.scale", "each coefficient is Normal with standard deviation scale", ONE, l2=ONE, power=-2),
    # this library
    Row("shrinkage.solve.strength", f"loss (summed, dispersion 1, the default) + {_PLUS}", PHI, ONE, ONE,
        pair="two", names=("l1", "l2")),
    _elastic("shrinkage.path.alpha", "loss/n (dispersion 1, the default)", MEAN,
             note="Also PenalizedRegressor and PenalizedClassifier"),
    _lasso("shrinkage.Lasso.alpha", "RSS/(2n)", MEAN, family="gaussian"),
    _elastic("shrinkage.ElasticNet.alpha", "RSS/(2n)", MEAN, family="gaussian"),
    Row("shrinkage.Ridge.alpha", "RSS + alpha |w|_2^2", SQUARES, l2=TWO, family="gaussian"),
    _elastic("shrinkage.LogisticRegression.C", "C NLL", ONE, power=-1, family="binomial"),
    _lasso("shrinkage.RootSquaredError.alpha", "|r|_2/sqrt(n)", ROOT / N_ROOT, family="gaussian"),
    # scikit-learn
    _lasso("sklearn.Lasso.alpha", "RSS/(2n)", MEAN, family="gaussian", note="Also LassoLars"),
    _elastic("sklearn.ElasticNet.alpha", "RSS/(2n)", MEAN, family="gaussian"),
    Row("sklearn.Ridge.alpha", "RSS + alpha |w|_2^2", SQUARES, l2=TWO, family="gaussian"),
    _elastic("sklearn.LogisticRegression.C", "C NLL", ONE, power=-1, family="binomial",
             note="With solver='liblinear' the intercept is penalised too"),
    _ridge("sklearn.PoissonRegressor.alpha", "deviance/(2n)", MEAN, family="poisson"),
    _ridge("sklearn.TweedieRegressor.alpha", "deviance/(2n)", MEAN, family="tweedie", note="Also GammaRegressor"),
    _lasso("sklearn.QuantileRegressor.alpha", "mean pinball loss", MEAN, family="quantile",
           note="The dispersion is the scale of the asymmetric Laplace likelihood"),
    _elastic("sklearn.SGDRegressor.alpha", "RSS/(2n)", MEAN, family="gaussian", note="For loss='squared_error'"),
    _elastic("sklearn.SGDClassifier.alpha", "NLL/n", ONE / N, family="binomial", note="For loss='log_loss'"),
    _ridge("sklearn.BayesianRidge.lambda_", "NLL", ONE, family="gaussian",
           note="lambda_ is the precision of the weights; alpha_ is that of the noise, 1/dispersion"),
    # R
    _elastic("glmnet.lambda", "RSS/(2n)", MEAN, family="gaussian", l2=product(sd_y=-1), **_GLMNET,
             objective="RSS/(2n) + lambda (alpha |w|_1 + (1 - alpha)/(2 sd_y) |w|_2^2), for family = 'gaussian'"),
    _elastic("glmnet.object.lambda", "dispersion NLL/n", MEAN,
             **_GLMNET | {"note": "For a family object such as gaussian(). " + _STANDARDIZE["note"]}),
    _elastic("glmnet.binomial.lambda", "NLL/n", ONE / N, family="binomial", **_GLMNET),
    _elastic("glmnet.poisson.lambda", "NLL/n", MEAN, family="poisson", **_GLMNET),
    _elastic("glmnet.cox.lambda", "-(log partial likelihood)/n", ONE / N, family="cox", **_GLMNET),
    _lasso("lars.lambda", "RSS/2", PHI, family="gaussian",
           note="For its default, normalize=TRUE, add ':standardized', column_sd being the columns' Euclidean norms"),
    _lasso("selectiveInference.lambda", "RSS/2", PHI, family="gaussian", note="In fixedLassoInf and ROSI"),
    Row("hdm.rlasso.lambda", "RSS/n + lambda/n |w|_1", SQUARES / N, l1=ONE / N, family="gaussian",
        note="Where column j has a loading psi_j, lambda psi_j takes the place of lambda"),
    Row("bayesian_lasso.lambda", "each coefficient is Laplace with scale sigma/lambda", ONE,
        l1=product(dispersion=-0.5), family="gaussian"),
    Row("belloni.sqrt_lasso.lambda", "|r|_2/sqrt(n) + lambda/n |w|_1", ROOT / N_ROOT, l1=ONE / N, family="gaussian"),
    # Python
    _elastic("statsmodels.OLS.elastic_net.alpha", "RSS/(2n)", MEAN, "L1_wt", family="gaussian", **_CONSTANT),
    _elastic("statsmodels.GLM.elastic_net.alpha", "-loglike/n at scale 1", MEAN, "L1_wt", **_CONSTANT),
    _lasso("statsmodels.Logit.l1.alpha", "-loglike", ONE, family="binomial", **_CONSTANT),
    _lasso("statsmodels.Poisson.l1.alpha", "-loglike", PHI, family="poisson", **_CONSTANT),
    Row("statsmodels.OLS.sqrt_lasso.alpha", "|r|_2/sqrt(n) + alpha/n |w|_1", ROOT / N_ROOT, l1=ONE / N,
        family="gaussian"),
    _lasso("skglm.SqrtLasso.alpha", "|r|_2", ROOT, family="gaussian"),
    Row("liblinear.C", "C NLL + |w|_1 (solver 6), C NLL + |w|_2^2/2 (solvers 0 and 7)", ONE, ONE, ONE, power=-1,
        family="binomial", note="A bias column (-B 1) is penalised like the others"),
    _elastic("lifelines.CoxPHFitter.penalizer", "-(log partial likelihood)/n", ONE / N, family="cox",
             l1=product(column_sd=1), l2=product(column_sd=2),
             note="w on columns divided by column_sd (divisor n - 1), always; n counts rows, whatever their weights"),
    # deep learning
    _ridge("torch.weight_decay", "mean NLL (CrossEntropyLoss, BCEWithLogitsLoss)", ONE / N, **_DECAY),
    _ridge("torch.weight_decay.sum", "NLL (summed over the training set)", ONE, **_DECAY),
    _ridge("torch.weight_decay.mse", "MSELoss (mean over rows and outputs)", MEAN_SQUARE, family="gaussian", **_DECAY),
    _ridge("torch.weight_decay.mse_sum", "MSELoss(reduction='sum')", SQUARES, family="gaussian", **_DECAY),
    Row("keras.L1L2", "mean NLL (a crossentropy) + l1 |w|_1 + l2 |w|_2^2", ONE / N, ONE, TWO, pair="two",
        names=("l1", "l2"), **_EPOCH),
    Row("keras.L1L2.mse", "mean square over rows and outputs + l1 |w|_1 + l2 |w|_2^2", MEAN_SQUARE, ONE, TWO,
        pair="two", names=("l1", "l2"), family="gaussian", **_EPOCH),
    _ridge("laplace.prior_precision", "NLL (summed over the training set)", ONE),
)
# fmt: on

_DECOUPLED = (
    "it shrinks the weights beside the adaptive step, not through the gradient, so its fixed point is "
    "gradient / sqrt(v) = -weight_decay * w with v Adam's running mean of squared gradients: a penalty that depends on "
    "the path, the density of no prior. Use a penalty in the loss, or SGD's or Adam's weight_decay"
)
_HINGE = (
    "the hinge loss is not minus the log of a likelihood (exp(-hinge) does not integrate to the same number for every "
    "prediction), so C fixes no prior's scale; with a logistic loss, liblinear.C translates"
)

REFUSED: dict[str, str] = {
    "torch.AdamW.weight_decay": _DECOUPLED,
    "keras.AdamW.weight_decay": _DECOUPLED,
    "optax.adamw.weight_decay": _DECOUPLED,
    "optax.add_decayed_weights": "before the adaptive step it is torch.weight_decay; after it, " + _DECOUPLED,
    "sklearn.SVC.C": _HINGE,
    "sklearn.LinearSVC.C": _HINGE,
    "liblinear.svm.C": _HINGE,
    "sklearn.BayesianRidge.alpha_": "it is the precision of the noise, 1/sigma**2, and no strength: "
    "convert sklearn.BayesianRidge.lambda_ with dispersion=1/alpha_",
    "ncvreg.lambda": "MCP and SCAD are bounded, so their prior has flat tails, is improper, and has no scale",
}
"""Words that are understood and have no translation, and why."""
