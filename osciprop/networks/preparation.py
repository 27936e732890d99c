"""From whatever a user holds to arrays that fit the network, or an error that says why not."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..datasets.arrays import as_real_array
from ..errors import check_instance, is_traced
from .complexity import real_dtype
from .contract import check_precision, check_shapes, check_values
from .costs import Targets, check_targets
from .network import AbstractNetwork
from .signals import require_standing


def prepare(
    network: AbstractNetwork, x: ArrayLike, y: ArrayLike | None
) -> tuple[Float[Array, "batch ..."], Targets | None]:
    """Inputs as an array of the network's precision, targets as labels or rows.

    Raises `ValueError` for shapes or widths that do not fit, labels out of range, NaN or infinity,
    and for raw pixels (uint8); `TypeError` for signals (see `moving`).
    """
    check_instance("network", network, AbstractNetwork)
    check_precision(network)
    require_standing("x", x)
    require_standing("y", y)
    x = x if isinstance(x, jax.Array) else as_real_array("x", x)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise ValueError(
            f"x is complex ({x.dtype}): networks are clamped to real inputs; give x.real, or real "
            "and imaginary parts as two numbers each"
        )
    if x.dtype == jnp.uint8:
        raise ValueError(
            f"x holds raw pixels (uint8, shape {x.shape}), which networks do not take: pass a "
            "preprocessing to osciprop.fit or evaluate, for instance "
            "preprocessing=osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS)"
            ", or scale x yourself, by its method evaluate(x)"
        )
    if x.ndim < 1 or x.shape[0] == 0:
        raise ValueError(f"x has shape {x.shape}: give a batch, with at least one sample, as rows")
    x = _array_of(x, jax.dtypes.canonicalize_dtype(x.dtype))
    network.check_input(x)
    check_shapes(network, x)
    x = _array_of(x, real_dtype(jax.eval_shape(network.rest, x.astype(float))))
    y = None if y is None else prepare_targets(network, x, y, x.shape[0])
    check_values(network, x, y)
    return x, y


def _array_of(x: np.ndarray | Array, dtype: jnp.dtype) -> Array:
    """`x` in a precision in which its finite numbers stay finite."""
    if jnp.issubdtype(dtype, jnp.floating) and not is_traced(x):
        limits = jnp.finfo(dtype)
        wider = not jnp.issubdtype(x.dtype, jnp.floating) or jnp.finfo(x.dtype).max > limits.max
        peak = np.max(np.abs(np.asarray(x)), initial=0) if wider else 0
        if limits.max < peak < np.inf:
            raise ValueError(
                f"x holds {peak:.4g}, beyond the largest {jnp.dtype(dtype).name} "
                f"({float(limits.max):.4g}), the precision of the network: scale the inputs"
            )
    return jnp.asarray(x, dtype=dtype)


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
    return check_targets(y, samples, output_count(network, x))


def output_count(network: AbstractNetwork, x: Float[Array, "example ..."]) -> int:
    """The number of outputs of a network for inputs like `x`."""
    outputs = jax.eval_shape(lambda: network.output(network.activity(network.rest(x))))
    return int(outputs.shape[-1])
