"""Several hosts as one machine: what has to happen before JAX starts."""

import jax


def connect_hosts(
    coordinator: str | None = None, hosts: int | None = None, index: int | None = None
) -> None:
    """Join this process to the others of a run on several hosts; the first call of a program.

    Under Slurm, Open MPI and on Cloud TPUs all arguments are found without being given. The call
    returns when all hosts have called it; from then on `jax.devices()` lists the devices of all of
    them, and `fit(..., placement=DataParallel())` uses them.

    Args:
        coordinator: Address and port of the first host as all hosts see it; None where a scheduler
            knows.
        hosts: Number of processes, one for each host; None where a scheduler knows.
        index: Which of them this is, from 0; None where a scheduler knows.

    Raises:
        ValueError: only some of the three are given, or `index` is out of range.
        RuntimeError: JAX has been used already, or the hosts did not find each other.

    Example:
        >>> osciprop.training.connect_hosts("10.0.0.1:1234", hosts=2)
        Traceback (most recent call last):
        ...
        ValueError: index not given...
    """
    given = {"coordinator": coordinator, "hosts": hosts, "index": index}
    missing = [name for name, value in given.items() if value is None]
    if missing and len(missing) < len(given):
        raise ValueError(
            f"{' and '.join(missing)} not given: name the coordinator, hosts and index, or none of "
            "them where a cluster's scheduler knows"
        )
    if hosts is not None and index is not None and not 0 <= index < hosts:
        raise ValueError(
            f"index is {index} of {hosts} hosts: number the hosts from 0 to {hosts - 1}"
        )
    try:
        jax.distributed.initialize(coordinator, hosts, index)
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(
            f"the hosts could not be connected ({error}): call connect_hosts once, before anything "
            "that uses JAX, on every host, with the same coordinator, an address and a free port "
            "that all hosts reach"
        ) from error
