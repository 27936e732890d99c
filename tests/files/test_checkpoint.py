"""Checkpoints as files: what they hold, what comes back, and what is refused."""

import json
import math
import os

import equinox as eqx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest

import osciprop
from osciprop.files import checkpoint
from osciprop.files.fingerprint import describe

TREE = {"a": jnp.arange(3.0), "b": np.arange(2)}

KINDS = [
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64",
    "complex128 bfloat16 int4 uint4 float8_e4m3fn float8_e5m2 float8_e4m3b11fnuz float8_e4m3fnuz",
    "float8_e5m2fnuz",
]


def same(one, other) -> bool:
    """Whether two leaves are of the same kind, type and content."""
    if isinstance(one, jax.Array) and jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
        return one.dtype == other.dtype and same(*map(jax.random.key_data, (one, other)))
    if isinstance(one, jax.Array | np.ndarray | np.generic):
        alike = type(one) is type(other) and one.dtype == other.dtype and one.shape == other.shape
        return alike and np.asarray(one).tobytes() == np.asarray(other).tobytes()
    return type(one) is type(other) and repr(one) == repr(other)


def test_there_and_back(tmp_path):
    path = tmp_path / "folder" / "run"
    checkpoint.save_checkpoint(path, TREE, {"settings": {"seed": 1}, "epoch": 2})
    tree, header = checkpoint.load_checkpoint(path, TREE)
    np.testing.assert_array_equal(tree["a"], TREE["a"])
    assert header["epoch"] == 2
    assert checkpoint.require_settings(path, {"seed": 1})["epoch"] == 2


def test_leaves_of_all_types_come_back_as_they_were(tmp_path):
    values = np.asarray([[0, 1, 1], [1, 0, 1]])
    kinds = [jnp.dtype(name) for name in " ".join(KINDS).split()]
    tree = {
        "jax": [jnp.asarray(values.astype(kind)) for kind in kinds],
        "numpy": [values.astype(kind) for kind in kinds],
        "scalars": [kind.type(1) for kind in kinds],
        "one": [jnp.asarray(np.ones((), kind)) for kind in kinds],
        "none": [jnp.asarray(np.ones((2, 0), kind)) for kind in kinds]
        + [np.ones((0,), ml_dtypes.bfloat16)],
        "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "reversed": np.arange(5)[::-1],
        "order": np.arange(3.0).astype(">f8"),
        "words": np.asarray(["a", "bcd"]),
        "dates": np.asarray(["2024-01-02"], "datetime64[D]"),
        "python": [True, 3, 2**70, 0.1, -0.0, math.inf, math.nan, 1 - 2j, complex(math.nan, 0.1)],
        "keys": [
            jax.random.key(3),
            jax.random.split(jax.random.key(4), (2, 3)),
            jax.random.key(5, impl="rbg"),
            jax.random.PRNGKey(6),
        ],
        "others": [None, jnp.tanh, "word", optax.ScaleByAdamState(jnp.asarray(1), (), ())],
        "weak": [jnp.asarray(1.5), jnp.full(3, 2.0)],
    }
    path = tmp_path / "run"
    checkpoint.save_checkpoint(path, tree, {})
    like = {
        **tree,
        "jax": [jnp.asarray(np.zeros((2, 3), kind)) for kind in kinds],
        "one": [jnp.asarray(np.zeros((), kind)) for kind in kinds],
        "numpy": [np.zeros((2, 3), kind) for kind in kinds],
        "scalars": [kind.type(0) for kind in kinds],
        "python": [type(number)(0) for number in tree["python"]],
        "keys": [
            jax.random.key(0),
            jax.random.split(jax.random.key(0), (2, 3)),
            jax.random.key(0, impl="rbg"),
            jax.random.PRNGKey(0),
        ],
        "weak": [jnp.asarray(0.0), jnp.full(3, 0.0)],
    }
    loaded, _ = checkpoint.load_checkpoint(path, like)
    assert jax.tree.structure(loaded) == jax.tree.structure(tree)
    for (place, one), other in zip(
        jax.tree_util.tree_leaves_with_path(tree), jax.tree.leaves(loaded), strict=True
    ):
        assert same(one, other), jax.tree_util.keystr(place)
    assert (
        [leaf.weak_type for leaf in loaded["weak"]]
        == [leaf.weak_type for leaf in tree["weak"]]
        == [True, True]
    )
    loaded["columns"][0] = 1.0  # as one's own


def test_outlines_do_for_arrays(tmp_path):
    path, tree = tmp_path / "run", {"a": jnp.arange(3), "key": jax.random.key(1)}
    checkpoint.save_checkpoint(path, tree, {})
    loaded, _ = checkpoint.load_checkpoint(path, jax.eval_shape(lambda: tree))
    assert all(map(same, jax.tree.leaves(tree), jax.tree.leaves(loaded)))


def test_other_settings_are_named(tmp_path):
    settings = {"seed": 1, "optimizer": describe(optax.adam(1e-3)), "name": "same"}
    checkpoint.save_checkpoint(tmp_path / "run", TREE, {"settings": settings})
    others = {"seed": 2, "optimizer": describe(optax.sgd(1e-3)), "name": "same"}
    with pytest.raises(
        osciprop.CheckpointError, match=r"run was made with other settings \(seed: 1 != 2; optim"
    ) as caught:
        checkpoint.require_settings(tmp_path / "run", others)
    assert "scale_by_adam" in str(caught.value) and "name: " not in str(caught.value)


def test_other_leaves_are_named_by_their_place(tmp_path):
    path, network = tmp_path / "run", osciprop.hopfield_mlp([4, 5, 3], key=jax.random.key(0))
    wider = osciprop.hopfield_mlp([4, 5, 2], key=jax.random.key(0))
    checkpoint.save_checkpoint(path, (network, {"count": 1}), {})
    with pytest.raises(osciprop.CheckpointError, match="run does not fit") as caught:
        checkpoint.load_checkpoint(path, (wider, {"counts": 1.0}))
    text = str(caught.value)
    assert "[0].readout.weight is float64[5,3] in the file and float64[5,2] here" in text
    assert "[1]['counts'] is a float of Python here and nothing in the file" in text
    assert "[1]['count'] is a int of Python in the file and nothing here" in text


def test_many_other_leaves_are_counted(tmp_path):
    checkpoint.save_checkpoint(tmp_path / "run", list(range(20)), {})
    with pytest.raises(osciprop.CheckpointError, match="and 15 more"):
        checkpoint.load_checkpoint(tmp_path / "run", [float(number) for number in range(20)])


def test_the_order_of_fields_does_not_count(tmp_path):
    class One(eqx.Module):
        a: jax.Array
        b: jax.Array

    class Other(eqx.Module):
        b: jax.Array
        a: jax.Array

    checkpoint.save_checkpoint(tmp_path / "run", One(jnp.arange(3), jnp.ones(3, int)), {})
    loaded, _ = checkpoint.load_checkpoint(
        tmp_path / "run", Other(jnp.zeros(3, int), jnp.zeros(3, int))
    )
    assert loaded.a.tolist() == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b"{}\n", b"no json\n", bytes(1000)])
def test_another_file_is_none(tmp_path, content):
    (tmp_path / "run").write_bytes(content)
    with pytest.raises(osciprop.CheckpointError, match="run is not an osciprop checkpoint"):
        checkpoint.read_header(tmp_path / "run")


def test_a_file_of_the_format_before(tmp_path):
    line = json.dumps({"format": "osciprop checkpoint 1", "epoch": 1}).encode()
    (tmp_path / "run").write_bytes(line + b"\n" + bytes(100))
    with pytest.raises(osciprop.CheckpointError, match="earlier version of osciprop"):
        checkpoint.load_checkpoint(tmp_path / "run", TREE)


def test_a_file_of_a_format_to_come(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", "osciprop checkpoint 3")
    checkpoint.save_checkpoint(tmp_path / "run", TREE, {})
    monkeypatch.undo()
    with pytest.raises(osciprop.CheckpointError, match="'osciprop checkpoint 3'.*a later one"):
        checkpoint.read_header(tmp_path / "run")


def test_every_flipped_bit_and_every_lost_or_added_byte_is_found(tmp_path):
    """None reads as something else: 700 bits all over the file, each end, some bytes behind it."""
    path, rng = tmp_path / "run", np.random.default_rng(0)
    tree = {"a": jnp.arange(30.0), "b": 0.5, "c": jax.random.key(0)}
    checkpoint.save_checkpoint(path, tree, {"settings": {"seed": 1}, "epoch": 3})
    whole = path.read_bytes()

    def damaged(content: bytes) -> int:
        path.write_bytes(content)
        for read in (checkpoint.read_header, lambda path: checkpoint.load_checkpoint(path, tree)):
            with pytest.raises(osciprop.CheckpointError, match="damaged"):
                read(path)
        return 1

    bits = {*range(300), *rng.choice(8 * len(whole), 400, replace=False).tolist()}
    flipped = 0
    for bit in bits:
        content = bytearray(whole)
        content[bit // 8] ^= 1 << (bit % 8)
        flipped += damaged(bytes(content))
    cut = sum(damaged(whole[:end]) for end in range(0, len(whole), 5))
    longer = sum(damaged(whole + bytes(more)) for more in (1, 2, 31, 32, 33, 1000))
    assert flipped >= 500 and cut > 100 and longer == 6
    path.write_bytes(whole)
    assert checkpoint.load_checkpoint(path, tree)[1]["epoch"] == 3


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for name, words in {
        "missing": "there is no such file",
        "folder": "give the path of a file",
        "file/run": "check the path",
        "pipe": "no ordinary file",
        "circle": "symbolic links",
    }.items():
        for read in (checkpoint.read_header, lambda path: checkpoint.load_checkpoint(path, TREE)):
            with pytest.raises(osciprop.CheckpointError, match=f"{name} cannot be read.*{words}"):
                read(tmp_path / name)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    checkpoint.save_checkpoint(tmp_path / "run", TREE, {})

    def forbidden(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    with pytest.raises(osciprop.CheckpointError, match=r"run cannot be read.*chmod u\+r"):
        checkpoint.read_header(tmp_path / "run")


def test_keys_of_both_kinds_are_numbers():
    assert checkpoint.key_numbers(jax.random.key(3)) == [0, 3]
    assert checkpoint.key_numbers(jax.random.PRNGKey(3)) == [0, 3]


def test_a_failed_write_keeps_the_previous_checkpoint(tmp_path):
    path = tmp_path / "run"
    checkpoint.save_checkpoint(path, TREE, {"epoch": 1})
    with pytest.raises(TypeError):
        checkpoint.save_checkpoint(path, TREE, {"epoch": object()})
    with pytest.raises(TypeError, match=r"\['c'\]: an array of object cannot be stored"):
        checkpoint.save_checkpoint(path, {**TREE, "c": np.asarray([None])}, {"epoch": 2})
    with pytest.raises(TypeError, match=r"\['a'\] has a type and a shape, but no numbers"):
        checkpoint.save_checkpoint(path, jax.eval_shape(lambda: TREE), {"epoch": 2})
    assert checkpoint.load_checkpoint(path, TREE)[1]["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run"]
