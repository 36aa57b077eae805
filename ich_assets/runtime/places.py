"""How many runs may hold networks at once, and whether the queue lets so many run."""

import dagster as dg

from ich_assets.runtime.retries import GPU_POOL
from ich_resources.errors import IchError


def gpu_places(instance: dg.DagsterInstance) -> int:
    """Return how many runs the pool ``gpu`` lets run at once.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It holds the limits of the pools.
    """
    limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
    return limits.get(GPU_POOL) or instance.global_op_concurrency_default_limit or 1


def require_enough_runs(instance: dg.DagsterInstance, *, sends: bool = False) -> None:
    """Check that runs of several series find room in the queue for the runs inside them.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It holds the limits of the queue and of the pools.
    sends : bool
        Whether a run that sends results needs room beside them.

    Raises
    ------
    IchError
        If the queue lets fewer runs run at once than twice the places of the pool, and one more.
    """
    config = instance.get_concurrency_config().run_queue_config
    most = config.max_concurrent_runs if config is not None else -1
    places = gpu_places(instance)
    needed = 2 * places + 1 + sends
    if most != -1 and most < needed:  # -1: no limit
        raise IchError(
            f"max_concurrent_runs is {most}, and {places} places in the pool {GPU_POOL} need "
            f"{needed}: a run of several series counts, and so does the run inside it"
            + (", and one that sends results" if sends else ""),
            remedy=f"set concurrency.runs.max_concurrent_runs to {needed} or more in dagster.yaml, "
            f"or dagster instance concurrency set {GPU_POOL} to a lower number",
        )
