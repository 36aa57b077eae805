"""What a person reads in the terminal: our own lines, and what failed; not the event stream."""

import logging
import re
import sys
from typing import Any

import dagster as dg

from ich_resources.errors import IchError


class _ForPeople(logging.Formatter):
    """One line a message; of Dagster's own events only the failures."""

    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", {})
        text = str(meta.get("orig_message", record.getMessage()))
        event = meta.get("dagster_event")
        if event is not None and event.is_step_failure:
            text = failure_text(event.step_failure_data.error)
        prefix = f"{record.levelname}: " if record.levelno >= logging.WARNING else ""
        return prefix + text


def _worth_reading(record: logging.LogRecord) -> bool:
    event = getattr(record, "dagster_meta", {}).get("dagster_event")
    if event is not None:
        return bool(event.is_step_failure)
    # Of a failed step those after it need no line each.
    return "Dependencies for step" not in record.getMessage()


@dg.logger(
    {"log_level": dg.Field(str, default_value="INFO", is_required=False)},
    description="Progress for people on standard error.",
)
def people_console(init: dg.InitLoggerContext) -> logging.Logger:
    """Log progress lines and failures, without Dagster's event stream."""
    logger = logging.Logger("ich", level=init.logger_config["log_level"])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_ForPeople())
    handler.addFilter(_worth_reading)
    logger.addHandler(handler)
    return logger


def failure_text(error: Any) -> str:
    """Return what failed: the message of our own errors, the stack of any other.

    Parameters
    ----------
    error : dagster SerializableErrorInfo or None
        As in a step failure event.
    """
    if error is None:
        return "a step failed without an error"
    ours = {cls.__name__ for cls in (IchError, dg.Failure, *IchError.__subclasses__())}
    ours.add("DagsterAssetCheckFailedError")
    if error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
        return "Interrupted. What is done is kept: the same command goes on from there."
    # Outermost first: what caused our error stands in its message already.
    link = error
    while link is not None:
        name = link.cls_name.rpartition(".")[2]
        if name in ours:
            return re.sub(rf"^[\w.]*{name}: ", "", link.message.strip())
        link = link.cause
    return str(error.to_string())
