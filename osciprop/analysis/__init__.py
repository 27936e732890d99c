"""How good a gradient is, and what theory says about it.

The files, each importing only from those above it:

    holomorphy         whether a network keeps the contract of complex teaching
    objectives         the relaxed objectives behind dual propagation, as bounds on the loss
    fluctuations       how noise moves a network about its equilibrium, in theory
    comparison         how close gradients are to each other, and error signals
    singularities      how analytic responses are, and how far singularities
    series             the gradient's own Taylor series in the teaching signal, from one circle
    contour_search     what is measured on noisy circles, and predicted between them
    contour_choice     the amplitude and number of points of least error in noise, measured
    variance           the predicted noise of an always-on gradient
    optimal_amplitude  where noise and bias together are least
    lipschitz          how much scores change per change of the input
    stability_maps     how a method settles and compares, over two of its settings
"""

from .comparison import Alignment as Alignment
from .comparison import alignment as alignment
from .comparison import angle as angle
from .comparison import cosine as cosine
from .comparison import cosine_by_layer as cosine_by_layer
from .comparison import cosine_distance as cosine_distance
from .comparison import norm_ratio as norm_ratio
from .comparison import relative_error as relative_error
from .contour_choice import ContourChoice as ContourChoice
from .contour_choice import choose_contour as choose_contour
from .fluctuations import Fluctuations as Fluctuations
from .fluctuations import linear_fluctuations as linear_fluctuations
from .holomorphy import HolomorphyReport as HolomorphyReport
from .holomorphy import check_holomorphic as check_holomorphic
from .holomorphy import force_matches_phi as force_matches_phi
from .lipschitz import layer_norms as layer_norms
from .lipschitz import linearised_norm as linearised_norm
from .lipschitz import local_lipschitz as local_lipschitz
from .lipschitz import power_iteration as power_iteration
from .lipschitz import spectral_norm as spectral_norm
from .objectives import averaged_objective as averaged_objective
from .objectives import divergence as divergence
from .objectives import optimistic_objective as optimistic_objective
from .objectives import pessimistic_objective as pessimistic_objective
from .objectives import saddle_objective as saddle_objective
from .optimal_amplitude import OptimalAmplitude as OptimalAmplitude
from .optimal_amplitude import TaylorBias as TaylorBias
from .optimal_amplitude import optimal_amplitude as optimal_amplitude
from .series import GradientSeries as GradientSeries
from .series import gradient_series as gradient_series
from .singularities import Spectrum as Spectrum
from .singularities import activity_spectrum as activity_spectrum
from .singularities import radius_of_convergence as radius_of_convergence
from .stability_maps import StabilityMap as StabilityMap
from .stability_maps import stability_map as stability_map
from .variance import GradientNoise as GradientNoise
from .variance import gradient_noise as gradient_noise
from .variance import signal_to_noise as signal_to_noise
