"""Physical substrates: oscillators and excitable cells that learn as they are.

The files, each importing only from those above it:

    couplings              symmetric couplings, one number for each pair of units
    phases                 costs and errors on the circle
    oscillators            phase oscillators: Kuramoto, XY, oscillator Ising machines
    amplitude_oscillators  oscillators with an amplitude: Stuart-Landau
    excitable              excitable cells: FitzHugh-Nagumo
"""
