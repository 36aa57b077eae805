"""Which failures of a step are worth another try."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ich_resources.errors import IchError, InferenceError, StorageError

TRY_AGAIN = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)
"""For a disk or a device that fails for a moment."""
CRASH_RETRIES = {"dagster/max_retries": "2"}
"""Run tag: Dagster repeats a run whose process died, where its ``run_retries`` are enabled."""
NO_CRASH_RETRIES = {"dagster/max_retries": "0"}
"""Run tag of runs inside another, which repeats them itself."""
GPU_POOL = "gpu"
"""Pool of the steps that hold networks: one run of them at a time."""


@contextmanager
def bad_data_is_final() -> Iterator[None]:
    """Let a step fail at once where its files or options are bad: a moment mends neither."""
    try:
        yield
    except IchError as err:
        if isinstance(err, InferenceError | StorageError):
            raise
        raise dg.Failure(str(err), allow_retries=False) from err
