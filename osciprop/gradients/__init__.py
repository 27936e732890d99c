"""Every way to get a gradient out of a dynamical system, behind one verb.

The files, each importing only from those above it:

    contrast                the contrast of the energy between states
    local                   the local learning rule: from mean activities and error signals
    accuracy                the error of a gradient, predicted from its error signal
    estimate                the contract of a gradient method, and `estimate_gradient`
    contour                 the response of an equilibrium to nudges on a circle
    equilibrium             classic, negative, centred and holomorphic equilibrium propagation
    clamped                 contrastive and coupled learning: outputs held towards their targets
    rules                   what a synapse makes of a period: of activities, or of error signals
    asymmetric              vector field, asymmetric and dyadic equilibrium propagation
    dual                    dual propagation, and on a contour of complex amplitudes
    oscillation             what always-on methods share, and tell about their own gradient
    frequency_propagation   a real oscillation of error currents beside steady activations
    turns                   where in a turn of the teaching signal an oscillation is read
    averages                how the estimates of successive periods are averaged
    oscillatory             always-on oscillatory equilibrium propagation
    settled                 the same from the settled orbit, without integration
    oscillatory_asymmetric  always-on gradients of asymmetric networks
    noisy                   classic and holomorphic equilibrium propagation under noise
    reference               implicit differentiation, recurrent backpropagation, the exact response
    bptt                    backpropagation through time
    trajectories            networks that move: what methods share, and references
    echo_friction           how an echo meets friction
    echo_pass               echoes of a passage, summing what is learned
    echo                    Hamiltonian echoes: exact gradients of trajectories
    inputs                  the gradient of the cost by the input
    layer                   an equilibrium as a layer of a larger computation
    around/                 methods around a method
"""

from .accuracy import Accuracy as Accuracy
from .around.adversarial_training import AdversarialTraining as AdversarialTraining
from .around.homeostasis import Homeostatic as Homeostatic
from .around.homeostasis import HomeostaticPenalty as HomeostaticPenalty
from .around.homeostasis import homeostatic_terms as homeostatic_terms
from .around.lag import LagCorrected as LagCorrected
from .around.weight_symmetry import KolenPollack as KolenPollack
from .around.weight_symmetry import Symmetrised as Symmetrised
from .around.weight_symmetry import reciprocal_pairs as reciprocal_pairs
from .around.weight_symmetry import weight_angle as weight_angle
from .asymmetric import AsymmetricEP as AsymmetricEP
from .asymmetric import DyadicEP as DyadicEP
from .asymmetric import VectorFieldEP as VectorFieldEP
from .averages import AbstractLockIn as AbstractLockIn
from .averages import Cumulative as Cumulative
from .averages import Leaky as Leaky
from .bptt import BPTT as BPTT
from .clamped import CentredCoupledLearning as CentredCoupledLearning
from .clamped import ContrastiveLearning as ContrastiveLearning
from .clamped import CoupledLearning as CoupledLearning
from .clamped import HolomorphicCoupledLearning as HolomorphicCoupledLearning
from .clamped import NegativeCoupledLearning as NegativeCoupledLearning
from .contour import ContourDiagnostics as ContourDiagnostics
from .dual import DualPropagation as DualPropagation
from .dual import DualPropagationAdjoint as DualPropagationAdjoint
from .dual import HolomorphicDualPropagation as HolomorphicDualPropagation
from .echo import AbstractEcho as AbstractEcho
from .echo import CentredEcho as CentredEcho
from .echo import EchoDiagnostics as EchoDiagnostics
from .echo import HolomorphicEcho as HolomorphicEcho
from .echo import OneSidedEcho as OneSidedEcho
from .echo_friction import AbstractEchoFriction as AbstractEchoFriction
from .echo_friction import AntiFriction as AntiFriction
from .echo_friction import FrictionStays as FrictionStays
from .echo_friction import LagrangianWeight as LagrangianWeight
from .equilibrium import CentredEP as CentredEP
from .equilibrium import ClassicEP as ClassicEP
from .equilibrium import HolomorphicEP as HolomorphicEP
from .equilibrium import NegativeEP as NegativeEP
from .estimate import AbstractDiagnostics as AbstractDiagnostics
from .estimate import AbstractGradientMethod as AbstractGradientMethod
from .estimate import Estimate as Estimate
from .estimate import TrajectoryEstimate as TrajectoryEstimate
from .estimate import estimate_gradient as estimate_gradient
from .frequency_propagation import AbstractErrorCurrent as AbstractErrorCurrent
from .frequency_propagation import AbstractErrorOscillation as AbstractErrorOscillation
from .frequency_propagation import FrequencyDiagnostics as FrequencyDiagnostics
from .frequency_propagation import FrequencyPropagation as FrequencyPropagation
from .frequency_propagation import FrozenError as FrozenError
from .frequency_propagation import LiveError as LiveError
from .frequency_propagation import Periodic as Periodic
from .frequency_propagation import QuasiStatic as QuasiStatic
from .inputs import input_gradient as input_gradient
from .layer import EquilibriumLayer as EquilibriumLayer
from .local import local_gradient as local_gradient
from .noisy import NoisyClassicEP as NoisyClassicEP
from .noisy import NoisyHolomorphicEP as NoisyHolomorphicEP
from .oscillation import AbstractOscillation as AbstractOscillation
from .oscillation import AbstractOscillationDiagnostics as AbstractOscillationDiagnostics
from .oscillation import OscillationDiagnostics as OscillationDiagnostics
from .oscillatory import OscillatoryEP as OscillatoryEP
from .oscillatory_asymmetric import AbstractReference as AbstractReference
from .oscillatory_asymmetric import Companion as Companion
from .oscillatory_asymmetric import OscillatoryAEP as OscillatoryAEP
from .oscillatory_asymmetric import OwnMean as OwnMean
from .reference import Implicit as Implicit
from .reference import LinearResponse as LinearResponse
from .reference import RecurrentBackprop as RecurrentBackprop
from .rules import AbstractLearningRule as AbstractLearningRule
from .rules import ActivityProducts as ActivityProducts
from .rules import ErrorSignals as ErrorSignals
from .settled import SettledDiagnostics as SettledDiagnostics
from .settled import SettledOscillation as SettledOscillation
from .trajectories import AbstractTrajectoryMethod as AbstractTrajectoryMethod
from .trajectories import ContinuousAdjoint as ContinuousAdjoint
from .trajectories import PassageDiagnostics as PassageDiagnostics
from .trajectories import TrajectoryBPTT as TrajectoryBPTT
