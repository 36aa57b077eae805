"""The options of sbatch that the configuration and the tags of a run may set."""

import re
from collections.abc import Mapping

from ich_assets.runtime.slurm.tags import JOB_TAG, PREFIX, RUN_TAG
from ich_resources.errors import IchError

_NAME = r"[\w.@+-]+"
_NAMES = rf"{_NAME}(,{_NAME})*"
_NUMBER = r"[1-9][0-9]*"
_SIZE = rf"{_NUMBER}[KMGT]?"
_GPUS = rf"({_NAME}:)?{_NUMBER}"
PATTERNS = {
    "account": _NAME,
    "constraint": r"[\w.&|*()\[\]-]+",
    "cpus-per-task": _NUMBER,
    "exclude": r"[\w.,\[\]-]+",
    "gpus": _GPUS,
    "gres": rf"gpu(:{_NAME})?(:{_NUMBER})?",
    "mem": _SIZE,
    "mem-per-cpu": _SIZE,
    "nice": r"[0-9]+",
    "partition": _NAMES,
    "qos": _NAME,
    "reservation": _NAME,
    "time": r"([0-9]+-)?[0-9]+(:[0-9]+){0,2}",
}
"""What each may look like. None of them names a file, a command or a variable."""


def sbatch_options(configured: Mapping[str, str], tags: Mapping[str, str]) -> list[str]:
    """Return the options of sbatch for a run, as arguments.

    Parameters
    ----------
    configured : mapping of str to str
        By the name of the long option.
    tags : mapping of str to str
        The run's; ``slurm/<option>`` overrides what is configured, and an empty value removes it.

    Raises
    ------
    IchError
        If an option is not one of ``PATTERNS``, or its value does not look like one.
    """
    asked = {
        name.removeprefix(PREFIX): value
        for name, value in tags.items()
        if name.startswith(PREFIX) and name not in (JOB_TAG, RUN_TAG)
    }
    wanted = {**configured, **asked}
    for name, value in wanted.items():
        if name not in PATTERNS:
            raise IchError(
                f"{name} is not an option of SLURM that a run may set",
                remedy=f"choose among {', '.join(PREFIX + n for n in sorted(PATTERNS))}",
            )
        if value and not re.fullmatch(PATTERNS[name], value, re.ASCII):
            raise IchError(
                f"{PREFIX}{name} cannot be {value!r}",
                remedy="write it as for sbatch; see its manual",
            )
    return [f"--{name}={value}" for name, value in wanted.items() if value]
