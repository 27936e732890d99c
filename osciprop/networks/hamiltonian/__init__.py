"""Networks that move: positions and momenta, time-varying inputs, costs along a trajectory.

The files, each importing only from those above it:

    motions      a time grid, and the kicks and drifts by which a network crosses it
    system       the contract of a network that moves
    lagrangian   networks given by inertia, velocities and a potential
    sequences    inputs and targets on the grid
    passage      one passage through time
    oscillators  networks of nonlinear oscillators
    preparing    the user's sequences as arrays that fit the network, or an error
"""
