"""Which failures of a step are tried again."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ich_resources.errors import IchError, InferenceError, StorageError

STEP_RETRIES = 2
_FIRST_DELAY_S = 2
CRASH_RETRIES = {"dagster/max_retries": "2"}
"""Run tag: Dagster repeats a run whose process died, if its ``run_retries`` are enabled."""
NO_CRASH_RETRIES = {"dagster/max_retries": "0"}
"""Run tag of runs inside another run, which repeats them itself."""
GPU_POOL = "gpu"
"""Pool of the steps that hold networks: one run of them at a time."""


@contextmanager
def retrying_transient_errors(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Let a step run again, twice at most, where a disk or a device fails for a moment.

    A step fails at once where its files or options are bad, since waiting does not change them. An
    interrupt ends it at once too. Dagster's ``RetryPolicy`` would repeat an interrupted step.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of the step.

    Raises
    ------
    RetryRequested
        For an error that may pass.
    Failure
        For an error of ours that does not pass.
    DagsterError
        As it came.
    """
    try:
        yield
    except (dg.DagsterError, dg.Failure):
        raise
    except Exception as err:
        if isinstance(err, IchError) and not isinstance(err, InferenceError | StorageError):
            raise dg.Failure(str(err), allow_retries=False) from err
        if isinstance(err, IchError) and context.retry_number >= STEP_RETRIES:
            raise dg.Failure(str(err), allow_retries=False) from err  # its sentence, then the stack
        delay = _FIRST_DELAY_S * 2**context.retry_number
        raise dg.RetryRequested(max_retries=STEP_RETRIES, seconds_to_wait=delay) from err
