"""Parameter studies: a function of one point, over a grid, stored as it is computed.

The files, each importing only from those above it:

    extras       whether the libraries are installed that studies need
    axes         the axes of a study: what is varied, in which unit
    errors       what goes wrong in a study as a whole
    modules      the Python file or module that a study's function comes from
    grid         the points of a study, and the blocks in which they are computed
    fingerprint  what a study was made with, as JSON
    footprint    how much memory a traced function takes, without compiling it
    outputs      units and dimensions of what a study's function returns
    records      JSON files, with checksums
    work         what all blocks of a study have in common
    returned     what a study's function may return
    tracing      along which axes one program serves many values
    program      a study's function compiled for many points at once
    memory_maps  compiled programs given up before a process has too many
    compilation  how long a process has been compiling
    evaluation   what a worker does: the points of one block
    engines      where blocks are computed: here, in processes, on any executor
    dask         where blocks are computed: on many machines
    widening     the type that holds numbers of two types exactly
    arrays       named arrays over all points, in memory
    fitting      whether what a point returned fits what other points did
    chunks       a chunk of an array as a file, with a checksum
    layout       which files a store is made of, and what they must say
    folder       the same in a folder: a zarr group, durable chunk by chunk
    store        what is written of a block, and what is found out about it later
    results      the results as an xarray Dataset
    progress     what a study shows while it runs, and its summary
    running      one run of a study, from its store to its results
    study        `Study`
    averages     a variable over the axes that a plot shows: mean and confidence
    plots        results as lines and as heat maps
    export       results as files that other programs read
    files        `load_study`: studies that are written as a file
    reading      what a store holds, read without the function that made it
    selection    a part of a study's results, by values written as text
"""

from . import extras  # noqa: F401  (first, to say what is to be installed)
from .axes import Axis as Axis
from .axes import linspace as linspace
from .axes import logspace as logspace
from .axes import seeds as seeds
from .engines import AbstractEngine as AbstractEngine
from .engines import InProcess as InProcess
from .engines import OnExecutor as OnExecutor
from .engines import Processes as Processes
from .errors import StudyError as StudyError
from .errors import StudyFailed as StudyFailed
from .errors import StudyFileError as StudyFileError
from .errors import StudyInterrupted as StudyInterrupted
from .errors import StudyWarning as StudyWarning
from .export import export_csv as export_csv
from .export import export_netcdf as export_netcdf
from .files import load_study as load_study
from .outputs import Output as Output
from .plots import plot_heat_map as plot_heat_map
from .plots import plot_lines as plot_lines
from .reading import StudyStatus as StudyStatus
from .reading import load_results as load_results
from .reading import study_status as study_status
from .selection import select as select
from .study import Study as Study
