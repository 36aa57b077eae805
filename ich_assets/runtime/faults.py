"""Faults of the machine and of the run configuration, each as one sentence in place of a stack.

Dagster ends with a stack where its own database cannot be written, where memory is missing, and
where the run configuration does not fit. None of these is a bug.
"""

import re
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import click
import dagster as dg

from ich_resources.environment import read_variable

_NO_SPACE = ("database or disk is full", "No space left on device", "Disk quota exceeded")
_NO_DATABASE = (
    "disk I/O error",
    "attempt to write a readonly database",
    "unable to open database file",
    "database disk image is malformed",
)
_NO_MEMORY = (
    "MemoryError",
    "Cannot allocate memory",
    "can't allocate memory",
    "Unable to allocate",
    "failed to map segment",
    "bad_alloc",
    "bad allocation",
    "can't start new thread",
    "thread constructor failed",
    "OpenBLAS blas_thread_init",
    "error return without exception set",  # an extension module that could not allocate
)
_STATUS = re.compile(r"Run \S+ resulted in failure\.")


def fault_sentence(messages: Iterable[str]) -> str:
    """Return a sentence for a fault that is known here; else an empty text.

    Parameters
    ----------
    messages : iterable of str
        Texts of an error and of those behind it, each with its class.
    """
    text = "\n".join(messages)
    home = read_variable("DAGSTER_HOME") or "unset: a folder below the working one"
    again = "then run the same command again: results are kept"
    ours = "sqlite3." in text or "sqlalchemy." in text or "DAGSTER_HOME" in text
    if any(part in text for part in _NO_SPACE):
        place = f"the disk of DAGSTER_HOME ({home})" if ours else "a disk"
        return f"No space is left on {place} -> free some, {again}"
    if ours and any(part in text for part in _NO_DATABASE):
        why = next(part for part in _NO_DATABASE if part in text)
        return (
            f"Dagster cannot use its database in DAGSTER_HOME ({home}): {why} -> check the disk "
            f"and its permissions, {again}"
        )
    if "CUDA" not in text and any(part in text for part in _NO_MEMORY):
        return (
            "There is not enough memory -> end other programs, raise the limit (ulimit -v, the "
            f"container, the SLURM job), or choose fewer networks.backbones; {again}"
        )
    return ""


def config_sentence(error: dg.DagsterInvalidConfigError) -> str:
    """Return what does not fit in a run configuration, as one sentence.

    Parameters
    ----------
    error : dagster.DagsterInvalidConfigError
        It may hold several faults; each is named.
    """
    faults = []
    for fault in error.errors:
        text, _, expected = " ".join(fault.message.split()).partition(" Expected: ")
        known = ", ".join(_field_names(expected))
        text = text.rstrip(".").replace("at path root:", "at ")
        faults.append(f"{text}; known there: {known}" if known else text)
    return (
        f"The run configuration does not fit: {'; '.join(faults)} -> see conf/run.example.yaml "
        "and docs/configuration.md"
    )


def _field_names(expected: str) -> list[str]:
    """Return the fields that Dagster expects, without those of the fields inside."""
    inner = expected.strip('". {').removesuffix("}")
    while "{" in inner:
        inner, count = re.subn(r"\{[^{}]*\}", "", inner)
        if not count:
            break
    return re.findall(r"(\w+)\??:", inner)


def end_in_a_sentence() -> None:
    """Let this process end with a sentence where it would end with the stack of a known fault."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sentence = _sentence(error)
        if sentence:
            sys.stderr.write(f"ERROR: {sentence}\n")
        else:
            before(kind, error, trace)

    sys.excepthook = hook


def _sentence(error: BaseException) -> str:
    messages: list[str] = []
    link: BaseException | None = error
    while link is not None and len(messages) < 20:
        if isinstance(link, dg.DagsterInvalidConfigError):
            return config_sentence(link)
        messages.append(f"{type(link).__module__}.{type(link).__name__}: {link}")
        link = link.__cause__ or link.__context__
    return fault_sentence(messages)


def leave_out_status_line() -> None:
    """Leave out Dagster's last line, "Run ... resulted in failure.", after our sentence."""
    show = click.ClickException.show
    if getattr(show, "leaves_out", False):
        return

    def quiet(self: click.ClickException, file: Any = None) -> None:
        if not _STATUS.fullmatch(self.message):
            show(self, file)

    quiet.leaves_out = True  # type: ignore[attr-defined]
    click.ClickException.show = quiet  # type: ignore[method-assign]
