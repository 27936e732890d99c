"""A network under a teaching signal, as one dynamical system; noise, and integration in time.

The files, each importing only from those above it:

    teaching     teaching signals `beta(t)`: constant, contour, oscillation
    dynamics     a network under a teaching signal, as one dynamical system
    clamping     networks whose outputs are held at given values
    dual         networks of dyads: dual propagation, original and adjoint-state
    correction   asymmetric networks that respond by their adjoint
    noise        noise on input currents and on readings, as objects
    brownian     which random numbers drive a simulation
    noise_term   how noise enters Diffrax, step by counted step
    stochastic   dynamics with noise, in the form that an integrator takes
    integration  `integrate` in time, through Diffrax
"""

from .brownian import AbstractBrownian as AbstractBrownian
from .brownian import BrownianTree as BrownianTree
from .brownian import FreshSteps as FreshSteps
from .clamping import ClampedOutputs as ClampedOutputs
from .correction import Corrected as Corrected
from .correction import Dyad as Dyad
from .correction import FreeCompanion as FreeCompanion
from .correction import RunningMean as RunningMean
from .correction import antisymmetric_product as antisymmetric_product
from .dual import AbstractDual as AbstractDual
from .dual import AbstractOutputNudge as AbstractOutputNudge
from .dual import AdjointDual as AdjointDual
from .dual import Dual as Dual
from .dual import Linearised as Linearised
from .dual import Proximal as Proximal
from .dynamics import Dynamics as Dynamics
from .integration import Integrator as Integrator
from .integration import Trajectory as Trajectory
from .integration import adaptive as adaptive
from .integration import euler_maruyama as euler_maruyama
from .integration import integrate as integrate
from .noise import AbstractNoise as AbstractNoise
from .noise import AbstractPlane as AbstractPlane
from .noise import AbstractSharing as AbstractSharing
from .noise import Along as Along
from .noise import Circular as Circular
from .noise import ColouredNoise as ColouredNoise
from .noise import MeasurementNoise as MeasurementNoise
from .noise import PerSample as PerSample
from .noise import RealAxis as RealAxis
from .noise import SharedAcrossBatch as SharedAcrossBatch
from .noise import WhiteNoise as WhiteNoise
from .teaching import AbstractTeaching as AbstractTeaching
from .teaching import Constant as Constant
from .teaching import Contour as Contour
from .teaching import Oscillation as Oscillation
from .teaching import RealOscillation as RealOscillation
