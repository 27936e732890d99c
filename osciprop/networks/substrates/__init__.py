"""Physical substrates: oscillators, excitable cells and circuits that learn as they are.

The files, each importing only from those above it:

    couplings              symmetric couplings, one number for each pair of units
    phases                 costs and errors on the circle
    oscillators            phase oscillators: Kuramoto, XY, oscillator Ising machines
    amplitude_oscillators  oscillators with an amplitude: Stuart-Landau
    excitable              excitable cells: FitzHugh-Nagumo
    circuits               nonlinear resistive circuits, branch by branch
    resistive_layers       layers of nodes between crossbars of resistors
    devices                what devices make of weights that are written to them
"""
