"""What a step says of one series: written last, removed first, so that it never lies.

A step removes its record, writes its files, and writes the record. A record that is there
therefore vouches for files that are whole and belong together, wherever a run was killed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ich_resources.errors import IchError, StorageError
from ich_resources.storage.files import read_json, remove, write_json
from ich_resources.storage.layout import Layout


@dataclass(frozen=True)
class Record:
    """The result of one step on one series.

    Attributes
    ----------
    recipe : str
        Fingerprint of what the result depends on.
    data_version : str
        Fingerprint of the result; later steps depend on this one.
    files : tuple of str
        Files the step wrote, relative to the run root.
    content : dict
        JSON values: accounting, provenance, seconds.
    """

    recipe: str
    data_version: str
    files: tuple[str, ...]
    content: dict[str, Any]


CHECKS = "asset checks"
"""Stands for the step of a failure that no asset raised, but a check that blocks."""


@dataclass(frozen=True)
class Failure:
    """Why the last run of a series failed."""

    step: str
    code: str
    message: str


class Records:
    """The records below one run root."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def find(self, series_uid: str, step: str) -> Record | None:
        """Return the record of a step, None where there is none or a file of it is gone."""
        path = self._layout.record(series_uid, step)
        if not path.is_file():
            return None
        value = read_json(path, remedy="delete this file: its step is then run again")
        try:
            record = Record(**{**value, "files": tuple(value["files"])})
        except (KeyError, TypeError) as err:
            raise StorageError(
                f"the record lacks a field: {err}",
                path=path,
                remedy="delete this file: its step is then run again",
            ) from err
        if all((self._layout.run_root / name).is_file() for name in record.files):
            return record
        return None

    def begin(self, series_uid: str, step: str) -> None:
        """Withdraw the old result of a step before its files are written anew."""
        remove([self._layout.record(series_uid, step)])

    def finish(self, series_uid: str, step: str, record: Record) -> None:
        """Vouch for the files of a step, which are all written."""
        write_json(self._layout.record(series_uid, step), asdict(record))

    def relative(self, path: Path) -> str:
        """Return a path below the run root as it stands in a record."""
        return path.relative_to(self._layout.run_root).as_posix()

    @contextmanager
    def noting_failure(self, series_uid: str, step: str) -> Iterator[None]:
        """Remember why a step failed, and forget it once the step succeeds."""
        try:
            yield
        except Exception as error:
            self.note_failure(series_uid, step, error)
            raise
        self.forget_failure(series_uid, step)

    def forget_failure(self, series_uid: str, step: str) -> None:
        """Forget an earlier failure of a step that has now succeeded."""
        failure = self.failure(series_uid)
        if failure is not None and failure.step == step:
            remove([self._layout.failure(series_uid)])

    def note_failure(self, series_uid: str, step: str, error: Exception) -> None:
        """Remember why a series failed, for the ledger and the report."""
        if isinstance(error, IchError):
            failure = Failure(step, error.code or type(error).__name__, str(error))
        else:
            failure = Failure(step, type(error).__name__, str(error))
        write_json(self._layout.failure(series_uid), asdict(failure))

    def failure(self, series_uid: str) -> Failure | None:
        """Return why the last run of a series failed, None where it did not."""
        path = self._layout.failure(series_uid)
        if not path.is_file():
            return None
        return Failure(**read_json(path, remedy="delete this file"))
