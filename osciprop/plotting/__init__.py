"""Plots of oscillations and of learning, in one style.

Every function takes `ax=None`, draws into it (or into a new figure) and returns the axes. None
shows or saves anything, or changes Matplotlib's global settings.

The files, each importing only from those above it:

    styling       the style of all plots, and what they have in common
    courses       the activity of one sample's units over time, out of a trajectory or an orbit
    oscillations  orbits, spectra, time courses
    animation     orbits and spectra that move
    learning      cosines, losses and accuracies as they go
"""

from .animation import animate_orbit as animate_orbit
from .learning import plot_cosine_curves as plot_cosine_curves
from .learning import plot_learning_curves as plot_learning_curves
from .oscillations import plot_orbit as plot_orbit
from .oscillations import plot_spectrum as plot_spectrum
from .oscillations import plot_time_course as plot_time_course
from .styling import style as style
