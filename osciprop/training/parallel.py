"""Where a training run's arrays live: on one device, or its batches spread over several.

Spread over devices, a batch is cut along its samples, and every device holds the whole network and
optimizer state. Programs stay as they are: the compiler runs each sample's part where the sample
lies, and sums over the batch, such as a gradient's mean, over all devices. A gradient is therefore
the same, up to the order of sums, and works for every method.
"""

import abc

import equinox as eqx
import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from ..errors import check_at_least
from ..settings import Module

AXIS = "batch"


class AbstractPlacement(Module):
    """Where the arrays of a training run live.

    Example:
        >>> issubclass(osciprop.DataParallel, osciprop.training.AbstractPlacement)
        True
    """

    @abc.abstractmethod
    def check_batch(self, batch_size: int) -> None:
        """Raise `ValueError` if batches of this size cannot be placed."""

    @abc.abstractmethod
    def split(self, batch: PyTree) -> PyTree:
        """Arrays with a leading batch axis, placed."""

    @abc.abstractmethod
    def replicate(self, tree: PyTree) -> PyTree:
        """Whatever is the same for all samples, placed; leaves that are no arrays stay."""

    @abc.abstractmethod
    def local(self, tree: PyTree) -> PyTree:
        """What was replicated, as ordinary arrays on one device."""


class OneDevice(AbstractPlacement):
    """All arrays wherever JAX puts them.

    Example:
        >>> osciprop.training.OneDevice().split((1, 2))
        (1, 2)
    """

    def check_batch(self, batch_size: int) -> None:
        pass

    def split(self, batch: PyTree) -> PyTree:
        return batch

    def replicate(self, tree: PyTree) -> PyTree:
        return tree

    def local(self, tree: PyTree) -> PyTree:
        return tree


class DataParallel(AbstractPlacement):
    """Batches cut into equal parts, one for each of several devices.

    Args:
        devices: Number of devices, the first of `jax.devices()`; None for all of them, on all hosts
            (see `osciprop.training.connect_hosts`).

    Raises:
        ValueError: there are fewer devices, or others beside them on several hosts.

    Example:
        >>> osciprop.DataParallel(devices=1).mesh.size
        1
    """

    mesh: Mesh = eqx.field(static=True)

    def __init__(self, devices: int | None = None):
        present = jax.devices()
        count = len(present) if devices is None else devices
        check_at_least("devices", count, 1, "leave it None for all devices")
        if count > len(present):
            raise ValueError(
                f"devices is {count}, but JAX has {len(present)} ({present[0].platform}): use at "
                "most that many, or leave it None for all. On a CPU, "
                "XLA_FLAGS=--xla_force_host_platform_device_count=4, set before Python starts, "
                "gives four to try"
            )
        if jax.process_count() > 1 and count < len(present):
            raise ValueError(
                f"devices is {count} of {len(present)}, on {jax.process_count()} hosts: leave it "
                "None, because every host must hold a part of the batch"
            )
        self.mesh = jax.make_mesh(
            (count,), (AXIS,), axis_types=(AxisType.Auto,), devices=present[:count]
        )

    def check_batch(self, batch_size: int) -> None:
        if batch_size % self.mesh.size:
            larger = -(-batch_size // self.mesh.size) * self.mesh.size
            raise ValueError(
                f"batch_size is {batch_size}, which {self.mesh.size} devices cannot share "
                f"equally: use a multiple of {self.mesh.size}, such as {larger}"
            )

    def split(self, batch: PyTree) -> PyTree:
        for leaf in jax.tree.leaves(batch):
            self.check_batch(leaf.shape[0])
        return self._place(batch, PartitionSpec(AXIS))

    def replicate(self, tree: PyTree) -> PyTree:
        return self._place(tree, PartitionSpec())

    def local(self, tree: PyTree) -> PyTree:
        return jax.tree.map(
            lambda leaf: leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf, tree
        )

    def _place(self, tree: PyTree, spec: PartitionSpec) -> PyTree:
        sharding = NamedSharding(self.mesh, spec)

        return jax.tree.map(
            lambda leaf: jax.device_put(leaf, sharding) if eqx.is_array(leaf) else leaf, tree
        )
