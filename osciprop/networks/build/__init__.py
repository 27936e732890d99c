"""Builders: the networks people use, from a list of sizes or layers.

The files, each importing only from those above it:

    dense          the usual networks, from a list of sizes
    convolutional  convolutional networks, from a list of layers
    directed       networks without reciprocal synapses, from a list of sizes
"""
