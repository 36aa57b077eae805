"""What a person reads when something fails."""

import io
import logging
import subprocess
import sys

import dagster as dg
import pytest

from ich_assets.runtime.console import TERSE_CONSOLE, failure_text, terse_console
from ich_resources.errors import CheckpointError, DicomError


def _failing(error: Exception):
    @dg.op
    def fails() -> None:
        raise error

    @dg.job(executor_def=dg.in_process_executor, logger_defs={"console": terse_console})
    def job():
        fails()

    return job


@pytest.mark.parametrize(
    "error",
    [
        DicomError("no DICOM file", path="/data/in", remedy="set DICOM_INPUT"),
        CheckpointError("checkpoint missing: a.pth", path="/models"),
    ],
)
def test_our_own_errors_are_one_sentence(error):
    result = _failing(error).execute_in_process(raise_on_error=False)
    (event,) = [e for e in result.all_events if e.is_step_failure]
    assert failure_text(event.step_failure_data.error) == str(error)


def test_a_bug_keeps_its_stack():
    result = _failing(KeyError("position")).execute_in_process(raise_on_error=False)
    (event,) = [e for e in result.all_events if e.is_step_failure]
    text = failure_text(event.step_failure_data.error)
    assert "KeyError" in text
    assert __file__ in text


def test_a_failure_inside_a_failure_is_not_named_twice():
    result = _failing(dg.Failure("2 problems:\n  one")).execute_in_process(raise_on_error=False)
    (event,) = [e for e in result.all_events if e.is_step_failure]
    assert failure_text(event.step_failure_data.error) == "2 problems:\n  one"


def test_the_terminal_shows_progress_and_failures_only(capfd):
    @dg.op
    def works(context: dg.OpExecutionContext) -> None:
        context.log.debug("too much")
        context.log.info("[1/2] series done")
        context.log.warning("untrained")
        raise DicomError("broken", path="/x")

    @dg.job(
        executor_def=dg.in_process_executor,
        logger_defs={"console": terse_console},
        config={"loggers": {"console": {"config": {}}}},
    )
    def job():
        works()

    job.execute_in_process(raise_on_error=False)
    printed = capfd.readouterr().err.splitlines()
    assert printed == ["[1/2] series done", "WARNING: untrained", "ERROR: broken [/x]"]
    assert logging.getLogger("ich").handlers == []


REDIRECTED = """
import os
import dagster as dg
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_resources.errors import DicomError

@dg.op
def fails():
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as Dagster's capture does, and loses lines
    raise DicomError("broken", path="/x")

@dg.job(executor_def=dg.in_process_executor, **TERSE_CONSOLE)
def job():
    fails()

job.execute_in_process(raise_on_error=False)
"""


def test_an_error_reaches_the_terminal_though_the_output_of_the_step_goes_elsewhere():
    command = [sys.executable, "-W", "ignore", "-c", REDIRECTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.splitlines()[-1] == "ERROR: broken [/x]"


class NoFile(io.StringIO):
    """What Celery puts in the place of standard error: its ``fileno`` returns nothing."""

    def fileno(self):
        return None


def test_messages_are_written_where_standard_error_is_not_a_file(monkeypatch):
    @dg.op
    def works(context: dg.OpExecutionContext) -> None:
        context.log.warning("untrained")

    @dg.job(executor_def=dg.in_process_executor, **TERSE_CONSOLE)
    def job():
        works()

    monkeypatch.setattr(sys, "stderr", NoFile())
    assert job.execute_in_process().success
    assert "WARNING: untrained" in sys.stderr.getvalue().splitlines()
