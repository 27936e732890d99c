"""Builders: the networks people use, from a list of sizes or layers.

`sizes` are widths, from the input over the hidden populations to the outputs, and a weight matrix
joins two neighbours. Outputs that are classes are a readout outside the dynamics; outputs that
are values, those of `hopfield_regressor` and `perceptron`, are a population. `scale` is one number
or one per weight matrix, from the input to the outputs, and `activation`, `time_constant` and
`bias` are one or one per population: as a list, a tuple or an array.

The files, each importing only from those above it:

    dense          the usual networks, from a list of sizes
    balanced       excitation and inhibition, sparse, of Dale's law
    exchange       other neurons in a network that was built
    layers         layers of maps, and the published architectures
    convolutional  convolutional networks, from a list of layers
    residual       networks with skips, from a list of sizes or blocks
    directed       networks without reciprocal synapses, from a list of sizes
"""
