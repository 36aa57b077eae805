"""The terminal output: our own lines and the failures, without Dagster's event stream."""

import logging
import os
import re
import sys
from contextlib import suppress
from typing import Any

import dagster as dg

from ich_assets.runtime.faults import fault_sentence, leave_out_status_line
from ich_resources.errors import IchError
from ich_resources.plain_text import lines


class _TerseFormatter(logging.Formatter):
    """One line for each message; of Dagster's own events only the failures."""

    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", {})
        text = str(meta.get("orig_message", record.getMessage()))
        event = meta.get("dagster_event")
        if event is not None and event.is_step_failure:
            text = failure_text(event.step_failure_data.error)
            leave_out_status_line()
        prefix = f"{record.levelname}: " if record.levelno >= logging.WARNING else ""
        return prefix + lines(text)


class _Terminal(logging.Handler):
    """Writes to standard error as it was when the run began.

    Dagster redirects standard error while a step runs, and may lose the last line of it: the error.
    """

    def __init__(self) -> None:
        super().__init__()
        self._file = os.dup(sys.stderr.fileno())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        try:
            left = (self.format(record) + "\n").encode(errors="backslashreplace")
            while left:
                left = left[os.write(self._file, left) :]
        except Exception:  # noqa: BLE001 (as every handler of the standard library)
            self.handleError(record)

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):
            os.close(self._file)


def _handler() -> logging.Handler:
    try:
        return _Terminal()
    except (OSError, ValueError, TypeError, AttributeError):
        # Standard error is not a file: Celery puts an object without a descriptor in its place.
        return logging.StreamHandler(sys.stderr)


def _worth_reading(record: logging.LogRecord) -> bool:
    event = getattr(record, "dagster_meta", {}).get("dagster_event")
    if event is not None:
        return bool(event.is_step_failure)
    # The steps after a failed step need no line of their own.
    return "Dependencies for step" not in record.getMessage()


@dg.logger(
    {"log_level": dg.Field(str, default_value="INFO", is_required=False)},
    description="Progress on standard error, a line for each step of the work.",
)
def terse_console(init: dg.InitLoggerContext) -> logging.Logger:
    """Log progress lines and failures, without Dagster's event stream."""
    logger = logging.Logger("ich", level=init.logger_config["log_level"])
    handler = _handler()
    handler.setFormatter(_TerseFormatter())
    handler.addFilter(_worth_reading)
    logger.addHandler(handler)
    return logger


TERSE_CONSOLE: dict[str, Any] = {
    "logger_defs": {"console": terse_console},
    "config": {"loggers": {"console": {"config": {}}}},
}
"""Arguments of ``dagster.job`` for a job that people start in a terminal."""


def failure_text(error: Any) -> str:
    """Return one sentence for an error of ours, a full disk or missing memory; else the stack.

    Parameters
    ----------
    error : dagster SerializableErrorInfo or None
        As in a step failure event.
    """
    if error is None:
        return "a step failed without an error"
    ours = {cls.__name__ for cls in (IchError, dg.Failure, *IchError.__subclasses__())}
    ours.add("DagsterAssetCheckFailedError")
    if is_interrupt(error):
        return "Interrupted. Finished work is kept. Run the same command to go on from there."
    # Outermost first: the message of our error names its cause already.
    link = error
    while link is not None:
        name = link.cls_name.rpartition(".")[2]
        if name in ours:
            return re.sub(rf"^[\w.]*{name}: ", "", link.message.strip())
        link = link.cause
    sentence = fault_sentence(_messages(error))
    if sentence:
        return sentence
    return str(error.to_string())


def is_interrupt(error: Any) -> bool:
    """Return whether Ctrl-C or a termination ended a step.

    Parameters
    ----------
    error : dagster SerializableErrorInfo or None
        As in a step failure event.
    """
    interrupts = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
    return error is not None and error.cls_name in interrupts


def _messages(error: Any) -> list[str]:
    """Return the message of an error and of those behind it; each begins with its class."""
    texts, left = [], [error]
    while left:
        link = left.pop()
        if link is not None:
            texts.append(link.message)
            left += [link.cause, link.context]
    return texts
