"""Which failures of a step are worth another try."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ich_resources.errors import IchError, InferenceError, StorageError

STEP_RETRIES = 2
_FIRST_DELAY_S = 2
CRASH_RETRIES = {"dagster/max_retries": "2"}
"""Run tag: Dagster repeats a run whose process died, where its ``run_retries`` are enabled."""
NO_CRASH_RETRIES = {"dagster/max_retries": "0"}
"""Run tag of runs inside another, which repeats them itself."""
GPU_POOL = "gpu"
"""Pool of the steps that hold networks: one run of them at a time."""


@contextmanager
def retrying_transient_errors(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Let a step be repeated twice for a disk or a device that fails for a moment.

    It fails at once where its files or options are bad, which a moment does not mend, and where
    somebody interrupts it: a ``RetryPolicy`` would repeat that too.
    """
    try:
        yield
    except (dg.DagsterError, dg.Failure):
        raise
    except Exception as err:
        if isinstance(err, IchError) and not isinstance(err, InferenceError | StorageError):
            raise dg.Failure(str(err), allow_retries=False) from err
        delay = _FIRST_DELAY_S * 2**context.retry_number
        raise dg.RetryRequested(max_retries=STEP_RETRIES, seconds_to_wait=delay) from err
