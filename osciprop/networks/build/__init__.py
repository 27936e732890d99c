"""Builders: the networks people use, from a list of sizes or layers.

`sizes` are widths from the input to the output, and a weight matrix joins two neighbours. Which of
them are populations, the builder says: those of `hopfield_mlp` end with a readout outside the
dynamics, those of `hopfield_regressor` and `perceptron` with a population, and `feedback_mlp`,
`loop_mlp` and `feedforward_mlp` add a readout behind the last one. In all of them `scale` is one
number or one per weight matrix, from the input to the readout, and `activation`, `time_constant`
and `bias` are one or one per population: as a list, a tuple or an array.

The files, each importing only from those above it:

    dense          the usual networks, from a list of sizes
    convolutional  convolutional networks, from a list of layers
    directed       networks without reciprocal synapses, from a list of sizes
"""
