"""Ways to solve a problem: one method a file. `choose` picks; `minimise` runs the one loop."""

from shrinkage.solvers.admm import ADMM as ADMM
from shrinkage.solvers.base import Solver as Solver
from shrinkage.solvers.choose import choose as choose
from shrinkage.solvers.concomitant import Concomitant as Concomitant
from shrinkage.solvers.linear_program import LinearProgram as LinearProgram
from shrinkage.solvers.loop import Ending as Ending
from shrinkage.solvers.loop import Outcome as Outcome
from shrinkage.solvers.loop import minimise as minimise
from shrinkage.solvers.newton import ProxNewton as ProxNewton
from shrinkage.solvers.prox_gradient import ProxGradient as ProxGradient
from shrinkage.solvers.ridge import RidgeNewton as RidgeNewton
