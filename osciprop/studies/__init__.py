"""Parameter studies: a function of one point, over a grid, stored as it is computed."""

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
