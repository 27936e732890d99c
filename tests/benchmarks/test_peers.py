"""Codes that lie beside this one: what is there is measured, of what is missing it says how to get
it. The checkouts here are made up, with the names that the adapters call.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import peers
from benchmarks.peer_codes import PEERS, SOFTMAX, Method, holomorphic_eqprop, imported

MLP = """
import tensorflow
from utils.functions import unit

tensorflow.config.set_visible_devices([], device_type="GPU")


class xp_mlp:
    def __init__(self, archi, act, n_targets, seed):
        self.sizes = archi

    def batched_init_neurons(self, x):
        return ()

    def batched_fwd(self, params, x, h, T, beta, y):
        return h, None

    def batched_ep_gradN(self, params, x, h, T, N, beta, y, key):
        return {name: {"w": T * unit(layer["w"])} for name, layer in params.items()}, key
"""
FUNCTIONS = """
import jax.numpy as jnp

unit = jnp.ones_like


def my_sigmoid(a, b):
    return lambda x: 1 / (1 + jnp.exp(a * x + b))
"""


@pytest.fixture(autouse=True)
def as_they_run(small_programs):
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture
def problem():
    _, x, labels = peers.images([6, 5, 4, 3], 2)
    return peers.problem_of([6, 5, 4, 3], x, labels)


@pytest.fixture
def checkout(tmp_path):
    for place, text in (("models/mlp.py", MLP), ("utils/functions.py", FUNCTIONS)):
        path = tmp_path / "holomorphic" / place
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "holomorphic"


def test_what_is_missing_says_how_to_get_it(problem, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jpc", None)  # as if it were not installed
    assert list(peers.theirs(dict.fromkeys(PEERS), problem)) == []
    told = capsys.readouterr().err
    for name, peer in PEERS.items():
        assert f"{name} is left out" in told and peer.address in told
    assert "pip install jpc" in told


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_of_something_else_is_told(there, problem, tmp_path, capsys):
    folder = tmp_path if there else tmp_path / "nothing"
    folders = dict.fromkeys(PEERS) | {"holomorphic-eqprop": folder}
    assert not [row for row in peers.theirs(folders, problem) if row.code == "holomorphic_eqprop"]
    told = capsys.readouterr().err
    assert ("No module named 'models'" if there else "there is no folder") in told


def test_a_checkout_is_called_and_leaves_no_names(problem, checkout):
    before = set(sys.modules)
    two, ten = holomorphic_eqprop(checkout, problem)
    assert (two.name, ten.name) == ("hEP, N = 2", "hEP, N = 10")
    assert not {"models", "models.mlp", "utils", "tensorflow"} & (set(sys.modules) - before)
    assert not [place for place in sys.path if place == str(checkout)]
    loosest, *_ = two.attempts.values()
    found = loosest()
    assert [matrix.shape for matrix in found] == [(6, 5), (5, 4), (4, 3)]
    assert float(found[0][0, 0]) == 3.0  # nudged steps


def test_a_failed_import_leaves_no_names(tmp_path):
    (tmp_path / "models.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
        imported(tmp_path, ["models"], ["tensorflow_datasets"])
    assert "tensorflow_datasets" not in sys.modules and str(tmp_path) not in sys.path


def test_the_loosest_setting_that_is_tight_enough():
    right, wrong = np.asarray([[1.0, 2.0]]), np.asarray([[2.0, -1.0]])
    attempts = {"loose": lambda: [wrong], "tight": lambda: [right], "tighter": lambda: [right]}
    setting, _, reached = peers.chosen(Method("a", "b", SOFTMAX, attempts), [jnp.asarray(right)])
    assert setting == "tight" and reached == pytest.approx(1.0)
    setting, _, reached = peers.chosen(
        Method("a", "b", SOFTMAX, {"only": lambda: [wrong]}), [jnp.asarray(right)]
    )
    assert setting == "only" and reached == pytest.approx(0.0)
    with pytest.raises(ValueError, match="shapes"):
        peers.cosine([right.T], [right])


def test_predictive_coding_at_its_minimum(problem):
    """Nothing is to be settled without hidden layers, and nothing learned at the prediction."""
    first, second, _ = problem.weights
    x, targets = problem.x, jnp.eye(5)[:2]
    (found,) = peers.predictive_gradient([first], x, targets)
    assert np.allclose(found, -x.T @ (targets - x @ first) / 2, atol=1e-6)
    predicted = jnp.tanh(x @ first) @ second
    found = peers.predictive_gradient([first, second], x, predicted)
    assert all(np.allclose(matrix, 0.0, atol=1e-6) for matrix in found)
    moved = peers.predictive_gradient([first, second], x, predicted + 1.0)
    assert all(np.linalg.norm(matrix) > 0.1 for matrix in moved)


@pytest.mark.slow
def test_one_run_measures_all_that_is_there(checkout, tmp_path, capsys):
    (tmp_path / "other" / "jpc").mkdir(parents=True)  # of a version with other names
    (tmp_path / "other" / "jpc" / "__init__.py").touch()
    folders = [f"--holomorphic-eqprop={checkout}", f"--jpc={tmp_path / 'other'}"]
    peers.main(["--tiny", *folders])
    printed = capsys.readouterr()
    assert printed.out.count("| holomorphic_eqprop |") == 2
    assert printed.out.count("| osciprop |") == 6 and "| jpc |" not in printed.out
    assert "jpc, predictive coding is left out: AttributeError" in printed.err
