"""Networks that learn while they oscillate.

The files, each importing only from those above it:

    lock_in      demodulation: mean and error signal, as causal filters or from a window
    plasticity   how synapses move while the network oscillates
    transitions  how one presentation gives way to the next
    system       neurons, teaching, noise, filters and synapses as one system
    simulation   one presentation of a sample to a network that learns online
    journal      what such a simulation records, and its checkpoints
    supply       where what is presented comes from: batches, or signals
    learning     `Learning`, presentation by presentation; `simulate_learning`
"""

from .journal import LearningRun as LearningRun
from .journal import Probe as Probe
from .journal import Recording as Recording
from .learning import Learning as Learning
from .learning import Presentation as Presentation
from .learning import simulate_learning as simulate_learning
from .lock_in import LockInFilter as LockInFilter
from .lock_in import demodulate as demodulate
from .plasticity import AbstractPlasticity as AbstractPlasticity
from .plasticity import ContinuousPlasticity as ContinuousPlasticity
from .plasticity import PeriodicPlasticity as PeriodicPlasticity
from .simulation import Simulation as Simulation
from .simulation import SimulationState as SimulationState
from .transitions import AbstractTransition as AbstractTransition
from .transitions import Fade as Fade
from .transitions import Jump as Jump
