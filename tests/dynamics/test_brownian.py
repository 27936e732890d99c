"""Which numbers drive a simulation: by step and sample, of the right size."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.dynamics.brownian import BrownianTree, FreshSteps
from osciprop.dynamics.noise import PerSample, Wiener

KEY, TIMES = jax.random.key(0), jnp.asarray([0.0, 10.0])


def source(batch: int = 3, units: int = 200) -> tuple[Wiener, ...]:
    return (Wiener(jax.ShapeDtypeStruct((batch, 1, units), jnp.dtype(float)), PerSample()),)


def path(kind, step=jnp.asarray(0.5), area=diffrax.BrownianIncrement, **shape):
    return kind.path(source(**shape), KEY, TIMES, step, area)


@pytest.mark.parametrize("kind", [FreshSteps(), BrownianTree()], ids=type)
def test_increments_have_the_variance_of_their_duration(kind):
    (found,) = path(kind).increments(jnp.asarray(1.0), jnp.asarray(1.5))
    assert float(jnp.var(found)) == pytest.approx(0.5, rel=0.2)


def test_every_step_and_every_sample_has_its_own():
    steps = path(FreshSteps())
    first, again, next_one = (
        steps.increments(jnp.asarray(t), jnp.asarray(t + 0.5))[0] for t in (1.0, 1.0, 1.5)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), next_one.ravel())[0, 1]) < 0.2
    assert abs(np.corrcoef(first[0].ravel(), first[1].ravel())[0, 1]) < 0.3
    (alone,) = path(FreshSteps(), batch=1).increments(jnp.asarray(1.0), jnp.asarray(1.5))
    np.testing.assert_array_equal(alone[0], first[0])


def test_the_tree_is_one_path():
    tree = path(BrownianTree())
    ends = [jnp.asarray(t) for t in (1.0, 2.0, 3.0)]
    whole, (first, second) = (
        tree.increments(ends[0], ends[2])[0],
        (tree.increments(a, b)[0] for a, b in ((ends[0], ends[1]), (ends[1], ends[2]))),
    )
    np.testing.assert_allclose(first + second, whole, atol=1e-12)


def test_adaptive_steps_need_one_path():
    with pytest.raises(ValueError, match="BrownianTree"):
        path(FreshSteps(), step=None)
    with pytest.raises(ValueError, match="resolution"):
        BrownianTree(0.0)
