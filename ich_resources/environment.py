"""Environment variables that name folders, where the run configuration leaves them open."""

import os
from pathlib import Path

from ich_resources.errors import IchError

DICOM_INPUT = "DICOM_INPUT"
"""Folder of DICOM files; only read."""
RUN_ROOT = "RUN_ROOT"
"""Folder that takes every result."""
MODEL_DIR = "MODEL_DIR"
"""Folder that holds ``2DNet`` with the checkpoints."""


def folder(configured: str, variable: str, field: str) -> Path:
    """Return a folder from the run configuration, else from the environment.

    Resolved here rather than by ``dagster.EnvVar``, which answers a missing variable with sixty
    lines of stack trace before a run exists.

    Parameters
    ----------
    configured : str
        The resource field; empty where the configuration leaves it open.
    variable : str
        Name of the environment variable.
    field : str
        Where the configuration would name it, for the error.

    Raises
    ------
    IchError
        If neither names a folder.
    """
    text = configured or os.environ.get(variable, "")
    if not text.strip():
        raise IchError(
            f"{variable} is not set",
            remedy=f"set the environment variable {variable}, or {field} in the run configuration",
        )
    return Path(text).expanduser().absolute()
