"""Every way to get a gradient out of a dynamical system, behind one verb."""

from .equilibrium import CentredEP as CentredEP
from .equilibrium import ClassicEP as ClassicEP
from .equilibrium import HolomorphicEP as HolomorphicEP
from .estimate import AbstractDiagnostics as AbstractDiagnostics
from .estimate import AbstractGradientMethod as AbstractGradientMethod
from .estimate import Estimate as Estimate
from .estimate import estimate_gradient as estimate_gradient
from .lag import LagCorrected as LagCorrected
from .local import local_gradient as local_gradient
from .noisy import NoisyClassicEP as NoisyClassicEP
from .noisy import NoisyHolomorphicEP as NoisyHolomorphicEP
from .oscillatory import AbstractLockIn as AbstractLockIn
from .oscillatory import Cumulative as Cumulative
from .oscillatory import Leaky as Leaky
from .oscillatory import OscillatoryEP as OscillatoryEP
from .reference import BPTT as BPTT
from .reference import Implicit as Implicit
from .reference import RecurrentBackprop as RecurrentBackprop
from .rules import AbstractLearningRule as AbstractLearningRule
from .rules import ActivityProducts as ActivityProducts
from .rules import ErrorSignals as ErrorSignals
