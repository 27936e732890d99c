"""Settings of all tests: double precision, strict dtypes; all annotations, where asked for."""

import gc
import importlib.metadata
import os
import pkgutil
import time
from pathlib import Path
from typing import Any

# Most of a test's time is compilation, of programs that run once and are small. The older of the
# two code generators of JAX 0.10 needs half of the time; later versions have one only. Splitting
# such programs among threads costs a fifth more, and a preset of flags saves a fifth.
if importlib.metadata.version("jaxlib").startswith("0.10."):
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "")
        + " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
        + " --xla_cpu_opt_preset=CPU_OPT_PRESET_FAST_COMPILE"
    )

import jax
import jaxtyping
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_disable_most_optimizations", True)
jax.config.update("jax_traceback_in_locations_limit", 0)  # what compiled code comes from: not read
matplotlib.use("Agg")

HERE = Path(__file__).parent

# Tests that took more than about a second of processor time, beside those that are marked where
# they stand. To renew the list: OSCIPROP_TIMES=times.tsv make test-all writes what each test took.
SLOW = frozenset((HERE / "slow.txt").read_text(encoding="utf-8").splitlines())
TIMES = os.environ.get("OSCIPROP_TIMES")

# Where a run asks for it, annotations become checks of shapes and dtypes, in whatever is imported
# after this line; otherwise the package runs as its users run it, in three quarters of the time.
# Not where arguments are plain values and files: there checks and messages are the package's own.
PLAIN = {"commands", "datasets", "studies"}
if os.environ.get("OSCIPROP_CHECK_ANNOTATIONS"):
    modules = {module.name for module in pkgutil.iter_modules([str(HERE.parent / "osciprop")])}
    checked = [f"osciprop.{name}" for name in sorted(modules - PLAIN)]
    jaxtyping.install_import_hook(checked, "beartype.beartype")

import osciprop  # noqa: E402
from osciprop.equilibria import AndersonIteration  # noqa: E402
from osciprop.studies.memory_maps import MemoryMaps  # noqa: E402

MAPS = MemoryMaps(pause=5.0)


def pytest_collection_finish():
    """Modules live as long as the tests: the collector need not look through them each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items):
    """Mark as slow what the list names."""
    for item in items:
        if item.nodeid in SLOW:
            item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Write what a test took, where that is asked for."""
    begun = time.process_time()
    outcome = yield
    if TIMES:
        with Path(TIMES).open("a", encoding="utf-8") as file:
            file.write(f"{time.process_time() - begun:.2f}\t{item.nodeid}\n")
    return outcome


@pytest.fixture(autouse=True)
def few_memory_maps():
    """Every compiled program maps memory, and a compiler that gets no more of it crashes."""
    yield
    MAPS.spare()


@pytest.fixture(autouse=True)
def figures_are_closed():
    """Whatever was drawn is gone after the test that drew it."""
    yield
    plt.close("all")


@pytest.fixture
def small_programs(monkeypatch):
    """`Settling` is plain sweeps: enough for code that is run to see that it runs."""

    def sweeps(self: osciprop.Settling, *arguments: Any) -> Any:
        return AndersonIteration(tolerance=self.tolerance).solve(*arguments)

    monkeypatch.setattr(osciprop.Settling, "solve", sweeps)
    monkeypatch.setattr(osciprop.Settling, "track", sweeps)


@pytest.fixture
def toy() -> tuple[osciprop.Network, jax.Array, jax.Array]:
    """The toy network of hep2022 in double precision, its input `(1, 6)` and its label `(1,)`."""
    with np.load(HERE / "data" / "hep2022_toy.npz") as file:
        w1, w2, w3, b1, b2, b3, x = (
            jax.numpy.asarray(file[name], dtype=float)
            for name in ("w1", "w2", "w3", "b1", "b2", "b3", "x")
        )
        y = jax.numpy.asarray(file["label"], dtype=jax.numpy.int32)
    network = osciprop.Network(
        populations=(
            osciprop.Population(osciprop.LeakyIntegrator(), b1),
            osciprop.Population(osciprop.LeakyIntegrator(), b2),
        ),
        synapses=(
            osciprop.Directed(w1, osciprop.INPUT, 0),
            osciprop.Reciprocal(w2, 0, 1),
        ),
        readout=osciprop.SoftmaxCrossEntropy(w3, b3),
    )
    return network, x[None], y[None]


@pytest.fixture
def real_data(monkeypatch) -> Path:
    """The folder with MNIST and Fashion-MNIST; the test is skipped where there is none."""
    beside_the_checkout = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    place = Path(os.environ.get("OSCIPROP_DATA") or beside_the_checkout)
    if not place.is_dir():
        pytest.skip(
            "needs the real data: set OSCIPROP_DATA to a folder that holds them, or put them into "
            "../shared/data beside the checkout"
        )
    monkeypatch.setenv("OSCIPROP_DATA", str(place))
    return place
