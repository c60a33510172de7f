"""Pictures of a fit, by scikit-learn's Display convention: numbers first, drawn by `plot`.

    display = sh.plots.CoefficientPathDisplay.from_estimator(model)   # the numbers are on it; nothing is drawn
    display.plot()                                                    # needs matplotlib: pip install "shrinkage[plots]"

`from_estimator`, `from_path`, `from_choice`, `from_fit`, `from_penalties` or `from_predictions` read a record; `plot(ax=None,
theme=None)` draws on the axes given or on new ones, in colours for the background ("light" or "dark"), leaves `ax_` and
`figure_`, and hands back the display.
"""

from shrinkage.plots.certificate import CertificateDisplay
from shrinkage.plots.coefficients import CoefficientDisplay, ShrinkageMapDisplay
from shrinkage.plots.geometry import GeometryDisplay
from shrinkage.plots.overfitting import OverfittingDisplay
from shrinkage.plots.path import CoefficientPathDisplay
from shrinkage.plots.posterior import PosteriorDisplay
from shrinkage.plots.predictions import CalibrationDisplay, ResidualDisplay
from shrinkage.plots.priors import GradientDisplay, PriorDisplay
from shrinkage.plots.training import TrainingDisplay

__all__ = [
    "CalibrationDisplay", "CertificateDisplay", "CoefficientDisplay", "CoefficientPathDisplay", "GeometryDisplay",
    "GradientDisplay", "OverfittingDisplay", "PosteriorDisplay", "PriorDisplay", "ResidualDisplay", "ShrinkageMapDisplay",
    "TrainingDisplay",
]  # fmt: skip
