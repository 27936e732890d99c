"""From whatever a user holds to arrays that fit the network, or an error that says why not."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ..errors import check_instance
from .complexity import real_dtype
from .contract import check_precision, check_shapes, check_values
from .costs import Targets, check_targets
from .network import AbstractNetwork


def prepare(
    network: AbstractNetwork, x: ArrayLike, y: ArrayLike | None
) -> tuple[Float[Array, "batch ..."], Targets | None]:
    """Inputs as an array of the network's precision, targets as labels or rows.

    Raises `ValueError` for shapes or widths that do not fit, labels out of range, NaN or infinity,
    and for raw pixels (uint8).
    """
    check_instance("network", network, AbstractNetwork)
    check_precision(network)
    x = jnp.asarray(x)
    if x.dtype == jnp.uint8:
        raise ValueError(
            f"x holds raw pixels (uint8, shape {x.shape}), which networks do not take: pass a "
            "preprocessing to osciprop.fit or evaluate, for instance "
            "preprocessing=osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS)"
            ", or scale x yourself, by its method evaluate(x)"
        )
    if x.ndim < 1 or x.shape[0] == 0:
        raise ValueError(f"x has shape {x.shape}: give a batch, with at least one sample, as rows")
    network.check_input(x)
    check_shapes(network, x)
    dtype = real_dtype(jax.eval_shape(network.rest, x.astype(float)))
    x = x.astype(dtype)
    y = None if y is None else prepare_targets(network, x, y, x.shape[0])
    check_values(network, x, y)
    return x, y


def prepare_pair(
    network: AbstractNetwork, x: ArrayLike, y: ArrayLike
) -> tuple[Float[Array, "batch ..."], Targets]:
    """Like `prepare`, for whatever cannot do without targets.

    Raises `ValueError` also if `y` is None.
    """
    if y is None:
        raise ValueError("y is None: a teaching signal or a gradient needs targets, labels or rows")
    inputs, targets = prepare(network, x, y)
    assert targets is not None
    return inputs, targets


def prepare_targets(
    network: AbstractNetwork, x: Float[Array, "example ..."], y: ArrayLike, samples: int
) -> Targets:
    """Targets of so many samples, for a network that takes inputs like `x`, an example of them."""
    outputs = jax.eval_shape(lambda: network.output(network.activity(network.rest(x)))).shape[-1]
    return check_targets(y, samples, outputs)
