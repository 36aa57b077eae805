"""What a step says of one series: written last, removed first, so that it never lies.

A step removes its record, writes its files, and writes the record. A record that is there
therefore vouches for files that are whole and belong together, wherever a run was killed.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ich_resources.errors import IchError, StorageError
from ich_resources.storage.files import locked, read_json, remove, write_json
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
UNCHECKED = "checks to come"
"""Stands for the step of a run that has begun and may not have come to its checks."""


@dataclass(frozen=True)
class Failure:
    """Why the last run of a series failed.

    Attributes
    ----------
    step, code, message : str
        Which step raised what.
    slices : tuple of dict
        The slices behind it: path, sop_instance_uid, code, reason.
    """

    step: str
    code: str
    message: str
    slices: tuple[dict[str, str], ...] = ()


class Records:
    """The records below one run root."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def find(self, series_uid: str, step: str) -> Record | None:
        """Return the record of a step, None where its step has to run (again).

        A record that cannot be read, and one whose files are gone or have another size (a power
        cut, a damaged disk), vouches for nothing.
        """
        path = self._layout.record(series_uid, step)
        if not path.is_file():
            return None
        try:
            value = read_json(path, remedy="")
            sizes = value.pop("sizes")
            record = Record(**{**value, "files": tuple(value["files"])})
        except (StorageError, AttributeError, KeyError, TypeError):
            return None
        return record if sizes == self._sizes(record.files) else None

    def _sizes(self, names: tuple[str, ...]) -> list[int | None]:
        paths = [self._layout.run_root / name for name in names]
        return [path.stat().st_size if path.is_file() else None for path in paths]

    def begin(self, series_uid: str, step: str, files: Collection[str] = ()) -> frozenset[str]:
        """Withdraw the old result of a step before its files are written anew.

        Parameters
        ----------
        files : collection of str
            What the step may write, relative to the run root, if somebody is to know of it where
            the step is cut short.

        Returns
        -------
        frozenset of str
            What it may have left until now: the files of its old record, whether or not that still
            holds, and those of runs that were cut short.
        """
        record, begun = self._layout.record(series_uid, step), self._layout.begun(series_uid, step)
        left = frozenset((*_files_named(record), *_files_named(begun)))
        if files:
            write_json(begun, {"files": sorted(left.union(files))})
        remove([record])
        return left

    def finish(self, series_uid: str, step: str, record: Record) -> None:
        """Vouch for the files of a step, which are all written."""
        value = asdict(record) | {"sizes": self._sizes(record.files)}
        write_json(self._layout.record(series_uid, step), value, durable=True)
        remove([self._layout.begun(series_uid, step)])

    def relative(self, path: Path) -> str:
        """Return a path below the run root as it stands in a record."""
        return path.relative_to(self._layout.run_root).as_posix()

    @contextmanager
    def working_on(self, series_uid: str, step: str) -> Iterator[None]:
        """Work on a series alone; remember why the step failed, forget it once it succeeds."""
        with locked(self._layout.lock(series_uid)):
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
            code = error.code or type(error).__name__
            failure = Failure(step, code, str(error), error.slices)
        else:
            failure = Failure(step, type(error).__name__, str(error))
        write_json(self._layout.failure(series_uid), asdict(failure))

    def failure(self, series_uid: str) -> Failure | None:
        """Return why the last run of a series failed, None where it did not."""
        path = self._layout.failure(series_uid)
        if not path.is_file():
            return None
        try:
            value = read_json(path, remedy="")
            return Failure(**{**value, "slices": tuple(value["slices"])})
        except (StorageError, KeyError, TypeError):
            return Failure("unknown", "StorageError", "the note of its failure is damaged")


def _files_named(path: Path) -> list[str]:
    try:
        names = read_json(path, remedy="")["files"]
    except (StorageError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
