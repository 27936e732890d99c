"""Networks: populations of neurons joined by synapses, and the contract of any network.

The files, each importing only from those above it:

    trees         arithmetic of pytrees of arrays, as one vector or sample by sample
    complexity    complex states of real networks: real weights, real pairs
    draws         random numbers of all shapes, by few compiled programs
    signals       inputs and targets that move
    activations   from membrane potential to activity
    neurons       how a membrane potential follows its input current
    hidden        neurons with hidden variables: adaptation, compartments
    populations   neurons of one kind with their biases, in a row or as maps
    synapses      what current an activity sends, and back
    skips         what carries an activity on as it is, past populations
    pooling       one current out of a window of currents
    convolution   what a population of maps sends to another
    metrics       how often, or how closely, outputs are right
    costs         what the teaching signal nudges the output to lower
    sizes         whether the parts of a network fit each other
    model         what every network is to training
    network       the contract of a network that relaxes
    joined        populations joined by synapses: `Network`
    extensions    networks around a network: the same interface, more dynamics
    scaled_feedback  feedback that is weaker than the way up
    constraints   parameters that are functions of free numbers: signs, bounds, symmetry
    flows         gradient flows: systems given by an energy of their own
    circles       holomorphic or not: a function on circles in the complex plane
    contract      a network of the user's own, checked where it is first met
    promise       that it is holomorphic, tested where a method relies on it
    preparation   the user's `x` and `y` as arrays that fit the network, or an error
    moving        the same where they may be signals
    build/        builders: the usual networks, from a list of sizes or layers
    substrates/   oscillators, excitable cells and circuits, and the devices of weights
    hamiltonian/  networks that move: positions, momenta, and costs along trajectories
    either        what training asks of either kind of network
"""

from .activations import AbstractActivation as AbstractActivation
from .activations import ClippedReLU as ClippedReLU
from .activations import HardSigmoid as HardSigmoid
from .activations import HolomorphicTanh as HolomorphicTanh
from .activations import Identity as Identity
from .activations import ReLU as ReLU
from .activations import ShiftedSigmoid as ShiftedSigmoid
from .activations import SmoothPower as SmoothPower
from .activations import SoftClippedReLU as SoftClippedReLU
from .activations import Softplus as Softplus
from .activations import Tanh as Tanh
from .build.balanced import balanced_network as balanced_network
from .build.convolutional import convolutional_perceptron as convolutional_perceptron
from .build.convolutional import feedback_cnn as feedback_cnn
from .build.convolutional import hopfield_cnn as hopfield_cnn
from .build.dense import hopfield_mlp as hopfield_mlp
from .build.dense import hopfield_regressor as hopfield_regressor
from .build.directed import feedback_mlp as feedback_mlp
from .build.directed import feedforward_mlp as feedforward_mlp
from .build.directed import loop_mlp as loop_mlp
from .build.directed import perceptron as perceptron
from .build.directed import recurrent_network as recurrent_network
from .build.exchange import drawn as drawn
from .build.exchange import with_neurons as with_neurons
from .build.layers import Maps as Maps
from .build.layers import vgg4 as vgg4
from .build.layers import vgg6 as vgg6
from .build.layers import vgg16 as vgg16
from .build.residual import Block as Block
from .build.residual import hopfield_resnet as hopfield_resnet
from .build.residual import residual_mlp as residual_mlp
from .build.residual import resnet13 as resnet13
from .complexity import complex_like as complex_like
from .complexity import matmul as matmul
from .constraints import AbstractConstraint as AbstractConstraint
from .constraints import Composed as Composed
from .constraints import Constrained as Constrained
from .constraints import Fixed as Fixed
from .constraints import Masked as Masked
from .constraints import Positive as Positive
from .constraints import Signed as Signed
from .constraints import Symmetric as Symmetric
from .constraints import constrain as constrain
from .convolution import Convolution as Convolution
from .costs import AbstractCost as AbstractCost
from .costs import CrossEntropy as CrossEntropy
from .costs import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from .costs import SquaredError as SquaredError
from .costs import Targets as Targets
from .extensions import AbstractDoubled as AbstractDoubled
from .extensions import AbstractExtension as AbstractExtension
from .extensions import AssumedReciprocal as AssumedReciprocal
from .flows import AbstractGradientFlow as AbstractGradientFlow
from .flows import GradientFlow as GradientFlow
from .hamiltonian.lagrangian import AbstractLagrangian as AbstractLagrangian
from .hamiltonian.motions import AbstractMotion as AbstractMotion
from .hamiltonian.motions import FourthOrder as FourthOrder
from .hamiltonian.motions import Leapfrog as Leapfrog
from .hamiltonian.motions import Splitting as Splitting
from .hamiltonian.oscillators import OscillatorNetwork as OscillatorNetwork
from .hamiltonian.oscillators import oscillator_network as oscillator_network
from .hamiltonian.passage import Passage as Passage
from .hamiltonian.preparing import passage as passage
from .hamiltonian.system import AbstractHamiltonian as AbstractHamiltonian
from .hamiltonian.system import Phase as Phase
from .hidden import Adapting as Adapting
from .hidden import AdaptiveNeuron as AdaptiveNeuron
from .hidden import Compartments as Compartments
from .hidden import TwoCompartment as TwoCompartment
from .joined import Network as Network
from .metrics import AbstractMetric as AbstractMetric
from .metrics import BinaryAccuracy as BinaryAccuracy
from .metrics import ClassAccuracy as ClassAccuracy
from .metrics import RegressionError as RegressionError
from .metrics import metric_for as metric_for
from .model import AbstractModel as AbstractModel
from .network import AbstractEnergyNetwork as AbstractEnergyNetwork
from .network import AbstractNetwork as AbstractNetwork
from .network import Scores as Scores
from .network import State as State
from .network import States as States
from .network import current_from_phi as current_from_phi
from .neurons import AbstractNeuron as AbstractNeuron
from .neurons import LeakyIntegrator as LeakyIntegrator
from .pooling import AbstractPooling as AbstractPooling
from .pooling import MaxPooling as MaxPooling
from .pooling import NoPooling as NoPooling
from .pooling import SoftmaxPooling as SoftmaxPooling
from .populations import AbstractPopulation as AbstractPopulation
from .populations import FeatureMaps as FeatureMaps
from .populations import Population as Population
from .scaled_feedback import ScaledFeedback as ScaledFeedback
from .signals import AbstractSignal as AbstractSignal
from .signals import FunctionOfTime as FunctionOfTime
from .signals import Interpolated as Interpolated
from .signals import Readings as Readings
from .skips import LearnedSkip as LearnedSkip
from .skips import Skip as Skip
from .substrates.amplitude_oscillators import (
    DetunedStuartLandauNetwork as DetunedStuartLandauNetwork,
)
from .substrates.amplitude_oscillators import StuartLandauNetwork as StuartLandauNetwork
from .substrates.circuits import GROUND as GROUND
from .substrates.circuits import Dissipation as Dissipation
from .substrates.circuits import ResistiveCircuit as ResistiveCircuit
from .substrates.devices import Bounded as Bounded
from .substrates.devices import Drifting as Drifting
from .substrates.devices import Mismatched as Mismatched
from .substrates.devices import Quantised as Quantised
from .substrates.excitable import FitzHughNagumoNetwork as FitzHughNagumoNetwork
from .substrates.oscillators import KuramotoNetwork as KuramotoNetwork
from .substrates.phases import MeanPhaseError as MeanPhaseError
from .substrates.phases import PhaseClasses as PhaseClasses
from .substrates.phases import PhaseError as PhaseError
from .substrates.resistive_layers import ResistiveLayers as ResistiveLayers
from .substrates.resistive_layers import resistive_layers as resistive_layers
from .synapses import INPUT as INPUT
from .synapses import AbstractReciprocalSynapse as AbstractReciprocalSynapse
from .synapses import AbstractSynapse as AbstractSynapse
from .synapses import AbstractTransform as AbstractTransform
from .synapses import Directed as Directed
from .synapses import DirectedProjection as DirectedProjection
from .synapses import FeedbackProjection as FeedbackProjection
from .synapses import Reciprocal as Reciprocal
from .synapses import ReciprocalProjection as ReciprocalProjection
