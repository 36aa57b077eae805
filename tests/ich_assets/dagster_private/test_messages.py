"""Errors and log records whose classes, fields and texts are read."""

import inspect
import logging
import re

import dagster as dg
import pytest

from ich_assets.runtime.console import terse_console
from ich_assets.runtime.faults import config_sentence


def test_the_error_of_an_interrupt():
    """``runtime/interrupts.py`` raises it; ``runtime/console.py`` knows it by name."""
    error = dg.DagsterExecutionInterruptedError
    assert error.__name__ == "DagsterExecutionInterruptedError"
    assert issubclass(error, BaseException)
    assert not issubclass(error, Exception)


def test_the_error_of_a_blocking_check():
    """``runtime/console.py`` knows it by name."""
    from dagster._core.errors import DagsterAssetCheckFailedError

    assert issubclass(DagsterAssetCheckFailedError, dg.DagsterError)


def test_a_step_failure_has_the_error(home, run):
    """``jobs/runs.py``, ``sensors/requests.py``, ``runtime/console.py`` read class and cause."""
    result = run(home, "failing")
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error.cls_name == "DagsterExecutionStepExecutionError"
    assert (error.cause.cls_name, error.cause.message) == ("ValueError", "ValueError: on purpose\n")
    assert error.cause.cause is None
    assert "Traceback" in error.to_string() or "Stack Trace" in error.to_string()
    stored = home.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert stored[0].dagster_event.step_failure_data.error.cause.cls_name == "ValueError"


def test_a_log_record_has_the_message_and_the_event(home, capsys):
    """``runtime/console.py`` reads ``dagster_meta`` of each log record."""
    records: list[logging.LogRecord] = []

    @dg.logger
    def keeping(_init: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("keeping")
        handler = logging.Handler()
        handler.emit = records.append  # type: ignore[method-assign]
        logger.addHandler(handler)
        return logger

    @dg.op
    def says(context: dg.OpExecutionContext) -> None:
        context.log.info("a line")

    @dg.job(logger_defs={"console": keeping, "people": terse_console})
    def talking() -> None:
        says()

    loggers = {"loggers": {"console": {}, "people": {}}}
    assert talking.execute_in_process(instance=home, run_config=loggers).success
    metas = [record.dagster_meta for record in records]  # type: ignore[attr-defined]
    assert "a line" in [meta["orig_message"] for meta in metas]
    assert any(meta["dagster_event"] is not None for meta in metas)
    assert capsys.readouterr().err == "a line\n"


def test_the_status_line_of_a_command():
    """``runtime/faults.py`` leaves it out after our own sentence."""
    from dagster._cli import job

    source = inspect.getsource(job)
    assert 'raise click.ClickException(f"Run {result.run_id} resulted in failure.")' in source


@pytest.mark.parametrize(
    ("config", "text", "said"),
    [
        (
            {"nested": {"depht": 1}},
            r'Received unexpected config entry "depht" at path root:ops:work:config:nested\. '
            r'Expected: "\{ depth\?: Int .*\}"\.',
            'Received unexpected config entry "depht" at ops:work:config:nested; known there: '
            "depth, width",
        ),
        (
            {"kind": "third"},
            r"Value at path root:ops:work:config:kind not in enum type \S+ got third",
            "Value at ops:work:config:kind not in enum type",
        ),
    ],
)
def test_the_words_of_a_configuration_that_does_not_fit(config, text, said):
    """``runtime/faults.py`` takes the text apart at "Expected:" and "at path root:"."""
    nested = dg.Shape({"depth": dg.Field(int, is_required=False), "width": dg.Field(int)})
    kind = dg.Enum("kind", [dg.EnumValue("first"), dg.EnumValue("second")])

    @dg.op(config_schema={"nested": nested, "kind": kind})
    def work() -> None:
        """Does nothing."""

    @dg.job
    def working() -> None:
        work()

    whole = {"nested": {"width": 1}, "kind": "first"}
    with pytest.raises(dg.DagsterInvalidConfigError) as caught:
        dg.validate_run_config(working, {"ops": {"work": {"config": whole | config}}})
    messages = [" ".join(fault.message.split()) for fault in caught.value.errors]
    assert any(re.match(text, message) for message in messages), messages
    assert said in config_sentence(caught.value)
