"""What the file of a record says, before it is known to be valid."""

from pathlib import Path
from typing import Any

from ich_resources.digests import file_sha256
from ich_resources.errors import FormatError, StorageError
from ich_resources.storage.files import read_json
from ich_resources.storage.schemas import schema_of


def require_known_format(value: Any, step: str, path: Path) -> None:
    """Check that this version of ich can read a record.

    Parameters
    ----------
    value : object
        The record as JSON has it. What is not a dict, or names no format, counts as format 1.
    step : str
        Name of the step; its schema says which formats are known.
    path : Path
        The record, for the error.

    Raises
    ------
    FormatError
        If a newer one wrote it.
    """
    known = schema_of(step).format
    found = value.get("format", 1) if isinstance(value, dict) else 1
    if isinstance(found, int) and found > known:
        raise FormatError(
            f"a newer version of ich wrote this record: format {found}, and this version reads "
            f"formats up to {known}",
            path=path,
            remedy="use the newer version, or choose another RUN_ROOT",
        )


def is_text(*values: object) -> bool:
    """Return whether all values are text."""
    return all(isinstance(value, str) for value in values)


def sha256_of(path: Path) -> str | None:
    """Return the SHA-256 of a file, None where it cannot be read."""
    try:
        return file_sha256(path)
    except OSError:
        return None


def read_value(path: Path) -> Any:
    """Return the JSON of a file, None where the file is missing or damaged."""
    try:
        return read_json(path, remedy="")
    except StorageError:
        return None


def files_named(path: Path) -> list[str]:
    """Return the files that a record or a list of begun files names; none where it is damaged."""
    value = read_value(path)
    names = value.get("files") if isinstance(value, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
