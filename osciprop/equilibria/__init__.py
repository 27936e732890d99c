"""Where a dynamical system comes to rest, by many ways there, and what it looks like there.

The files, each importing only from those above it:

    spectra            Fourier coefficients of responses on a circle
    solution           the result of a relaxation
    orders             in what order an iteration visits the populations
    loops              loops that end at different turns in different lanes of a `vmap`
    dense              linear algebra of one matrix at a time
    linear             linear equations per sample, by GMRES
    anderson           accelerated fixed-point iteration, per sample
    relaxation         what brings a network to equilibrium, and what judges it
    iterations         fixed-point iterations, plain and accelerated
    stability          whether the ODE stays at an equilibrium
    contracting        accelerated iteration of the samples whose sweeps contract
    attempts           what takes long to compile, tried by a small part of it first
    settling           flow, then acceleration: the equilibrium that the ODE settles in
    own                the relaxation that a network names, and the default of all that relaxes
    derivatives        how an equilibrium moves with what it depends on
    relaxing           `relax`
    basins             several starts, and the equilibria that they end in
    orbits             periodic orbits, and what finds them
    harmonic_balance   the orbit as a series of harmonics of the teaching signal's own sense
    orbit_newton       harmonic balance by Newton's method, where no sweep leads to the orbit
    orbit_settling     harmonic balance, then the ODE: the orbit that the dynamics settle in
    orbiting           `settled_orbit`
    chained            one relaxation after another
    precision          relaxation in a precision below the network's
    jacobian           how asymmetric a Jacobian is, and what that does to error signals
    lipschitz_damping  damped inference of dual propagation
    flow               relaxation by the ODE itself
    elsewhere          which equilibria are not those that the ODE settles in
    newton             equilibria by Newton's method, matrix-free
    limited_newton     the same with dense Jacobians and limited steps, for circuits
"""

from .attempts import AbstractLarge as AbstractLarge
from .basins import Basins as Basins
from .basins import basins as basins
from .chained import Chained as Chained
from .contracting import ContractingIteration as ContractingIteration
from .elsewhere import elsewhere as elsewhere
from .flow import Flow as Flow
from .harmonic_balance import HarmonicBalance as HarmonicBalance
from .iterations import AndersonIteration as AndersonIteration
from .iterations import SequentialIteration as SequentialIteration
from .iterations import SynchronousIteration as SynchronousIteration
from .jacobian import JacobianSymmetry as JacobianSymmetry
from .jacobian import MeanStability as MeanStability
from .jacobian import jacobian_symmetry as jacobian_symmetry
from .jacobian import running_mean_stability as running_mean_stability
from .limited_newton import LimitedNewton as LimitedNewton
from .linear import LinearSolution as LinearSolution
from .linear import SampleGMRES as SampleGMRES
from .linear import solve_linear as solve_linear
from .lipschitz_damping import LipschitzDamping as LipschitzDamping
from .newton import Newton as Newton
from .orbit_settling import OrbitSettling as OrbitSettling
from .orbiting import settled_orbit as settled_orbit
from .orbits import AbstractOrbitSolver as AbstractOrbitSolver
from .orbits import Orbit as Orbit
from .orders import AbstractOrder as AbstractOrder
from .orders import Backward as Backward
from .orders import Forward as Forward
from .orders import OddEven as OddEven
from .orders import ZigZag as ZigZag
from .own import OwnRelaxation as OwnRelaxation
from .precision import ReducedPrecision as ReducedPrecision
from .relaxation import AbstractRelaxation as AbstractRelaxation
from .relaxing import relax as relax
from .settling import Settling as Settling
from .solution import Solution as Solution
from .spectra import radius_from_decay as radius_from_decay
from .stability import Stability as Stability
from .stability import stability as stability
