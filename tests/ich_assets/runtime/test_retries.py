"""What is worth another try: a disk that fails for a moment, and nothing that stays as it is."""

import dagster as dg
import pytest

from ich_assets.runtime import retries
from ich_assets.runtime.retries import STEP_RETRIES, retrying_transient_errors
from ich_resources.errors import DicomError, InferenceError, StorageError


def attempts_at(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a step that fails each time; return how often Dagster began it."""
    monkeypatch.setattr(retries, "_FIRST_DELAY_S", 0)
    begun = []

    @dg.asset
    def fails(context: dg.AssetExecutionContext) -> None:
        with retrying_transient_errors(context):
            begun.append(context.retry_number)
            raise error

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([fails], instance=instance, raise_on_error=False)
    assert not result.success
    return len(begun)


@pytest.mark.parametrize("error", [StorageError("full"), InferenceError("lost"), OSError("gone")])
def test_errors_that_pass_are_retried(error, monkeypatch):
    assert attempts_at(error, monkeypatch) == 1 + STEP_RETRIES


@pytest.mark.parametrize("error", [DicomError("damaged"), dg.Failure("said"), KeyboardInterrupt()])
def test_what_stays_as_it_is_fails_at_once(error, monkeypatch):
    assert attempts_at(error, monkeypatch) == 1
