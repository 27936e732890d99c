"""Methods around a method: its gradient, changed or added to.

The files, each importing only from those above it:

    lag                   always-on gradients with the lag's bias extrapolated away
    adversarial_training  any method, at inputs that were moved up the cost
    homeostasis           the penalty that makes Jacobians symmetric, with any method
    weight_symmetry       Kolen-Pollack learning and direct symmetrisation, as comparisons
"""
