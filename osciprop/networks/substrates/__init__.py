"""Physical substrates: systems whose own energy settles, answers and learns.

The files, each importing only from those above it:

    circuits          nonlinear resistive circuits, branch by branch
    resistive_layers  layers of nodes between crossbars of resistors
    devices           what devices make of weights that are written to them
"""
