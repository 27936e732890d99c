"""osciprop: dynamical systems that learn by oscillating.

Here is what one writes every day; the rest stands in the folders: `osciprop.analysis`,
`osciprop.networks`, `osciprop.gradients` and so on.
"""

import importlib
import types

from . import datasets as datasets
from .analysis import check_holomorphic as check_holomorphic
from .analysis import cosine as cosine
from .analysis import cosine_distance as cosine_distance
from .analysis import relative_error as relative_error
from .dynamics import ColouredNoise as ColouredNoise
from .dynamics import Constant as Constant
from .dynamics import Contour as Contour
from .dynamics import Integrator as Integrator
from .dynamics import MeasurementNoise as MeasurementNoise
from .dynamics import Oscillation as Oscillation
from .dynamics import Trajectory as Trajectory
from .dynamics import WhiteNoise as WhiteNoise
from .dynamics import euler_maruyama as euler_maruyama
from .dynamics import integrate as integrate
from .equilibria import AndersonIteration as AndersonIteration
from .equilibria import Chained as Chained
from .equilibria import Flow as Flow
from .equilibria import Newton as Newton
from .equilibria import SequentialIteration as SequentialIteration
from .equilibria import Settling as Settling
from .equilibria import Solution as Solution
from .equilibria import SynchronousIteration as SynchronousIteration
from .equilibria import relax as relax
from .errors import ContractError as ContractError
from .errors import ConvergenceError as ConvergenceError
from .errors import GradientAccuracyWarning as GradientAccuracyWarning
from .errors import HolomorphyError as HolomorphyError
from .errors import NonFiniteLossError as NonFiniteLossError
from .errors import ReciprocityError as ReciprocityError
from .files import CheckpointError as CheckpointError
from .gradients import BPTT as BPTT
from .gradients import AdversarialTraining as AdversarialTraining
from .gradients import AsymmetricEP as AsymmetricEP
from .gradients import CentredEP as CentredEP
from .gradients import ClassicEP as ClassicEP
from .gradients import DualPropagation as DualPropagation
from .gradients import DualPropagationAdjoint as DualPropagationAdjoint
from .gradients import DyadicEP as DyadicEP
from .gradients import ErrorSignals as ErrorSignals
from .gradients import Estimate as Estimate
from .gradients import HolomorphicEP as HolomorphicEP
from .gradients import Homeostatic as Homeostatic
from .gradients import Implicit as Implicit
from .gradients import LagCorrected as LagCorrected
from .gradients import OscillatoryAEP as OscillatoryAEP
from .gradients import OscillatoryEP as OscillatoryEP
from .gradients import RecurrentBackprop as RecurrentBackprop
from .gradients import SettledOscillation as SettledOscillation
from .gradients import VectorFieldEP as VectorFieldEP
from .gradients import estimate_gradient as estimate_gradient
from .networks import INPUT as INPUT
from .networks import AbstractEnergyNetwork as AbstractEnergyNetwork
from .networks import AbstractNetwork as AbstractNetwork
from .networks import AssumedReciprocal as AssumedReciprocal
from .networks import CrossEntropy as CrossEntropy
from .networks import Directed as Directed
from .networks import HardSigmoid as HardSigmoid
from .networks import HolomorphicTanh as HolomorphicTanh
from .networks import Identity as Identity
from .networks import LeakyIntegrator as LeakyIntegrator
from .networks import Network as Network
from .networks import Population as Population
from .networks import Reciprocal as Reciprocal
from .networks import ReLU as ReLU
from .networks import ShiftedSigmoid as ShiftedSigmoid
from .networks import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from .networks import SquaredError as SquaredError
from .networks import Tanh as Tanh
from .networks import feedback_mlp as feedback_mlp
from .networks import feedforward_mlp as feedforward_mlp
from .networks import hopfield_cnn as hopfield_cnn
from .networks import hopfield_mlp as hopfield_mlp
from .networks import hopfield_regressor as hopfield_regressor
from .networks import loop_mlp as loop_mlp
from .networks import perceptron as perceptron
from .networks import recurrent_network as recurrent_network
from .online import ContinuousPlasticity as ContinuousPlasticity
from .online import LockInFilter as LockInFilter
from .online import PeriodicPlasticity as PeriodicPlasticity
from .online import Probe as Probe
from .online import Simulation as Simulation
from .online import simulate_learning as simulate_learning
from .training import DataParallel as DataParallel
from .training import History as History
from .training import evaluate as evaluate
from .training import fit as fit

__version__ = "0.1.0"

_FOLDERS = (
    "analysis",
    "datasets",
    "dynamics",
    "equilibria",
    "gradients",
    "networks",
    "online",
    "plotting",
    "studies",
    "training",
)


def __getattr__(name: str) -> types.ModuleType:
    # Matplotlib and xarray are slow to import, and needed only by who plots and studies.
    if name in _FOLDERS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    names = {
        name
        for name, value in globals().items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    return sorted(names.union(_FOLDERS, ["__version__"]))
