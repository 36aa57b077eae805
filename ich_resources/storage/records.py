"""The record of each step of each subject: written last, removed first.

A step removes its record, writes its files, and then writes the record. A record is valid if it
parses, fits its schema, lists the files that others read and no foreign file, and each of them is
there with the recorded size. Otherwise the step runs again. So a kill at any moment leaves either a
whole result or a step that runs again.

Each record holds the SHA-256 of its files and a checksum of itself. Files whose numbers reach a
table are compared each time; arrays of pixels when they are read. Records of earlier versions have
neither; they stay valid and get both (``add_digests``).
"""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ich_resources.steps import final_steps, steps_of
from ich_resources.storage.content import Content
from ich_resources.storage.failures import Failures
from ich_resources.storage.files import held, is_unchanged, remove, write_json
from ich_resources.storage.layout import Layout
from ich_resources.storage.own_files import is_own, require_inside
from ich_resources.storage.record import Record, content_as
from ich_resources.storage.record_files import files_named, read_value, require_known_format
from ich_resources.storage.schemas import schema_of
from ich_resources.storage.stored_record import read_record, write_record, write_value
from ich_resources.subjects import Subject

_C = TypeVar("_C", bound=Content)


class Records:
    """The records below one run root."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.failures = Failures(layout)

    def find(self, subject: Subject, step: str) -> Record[Content] | None:
        """Return the record of a step, None where it is not valid and the step has to run.

        Raises
        ------
        FormatError
            If a newer version of ich wrote the record.
        """
        return read_record(self._layout, subject, step)

    def find_as(self, subject: Subject, step: str, schema: type[_C]) -> Record[_C] | None:
        """Return the record of a step, typed by its schema; None where the step has to run.

        Parameters
        ----------
        subject : Subject
            What the step works on.
        step : str
            Name of the step.
        schema : type
            The class of the content. Another class than the step's raises a TypeError.

        Raises
        ------
        FormatError
            If a newer version of ich wrote the record.
        """
        record = self.find(subject, step)
        return None if record is None else content_as(record, schema)

    def begin(self, subject: Subject, step: str, files: Collection[str] = ()) -> frozenset[str]:
        """Withdraw the earlier result of a step before its files are written again.

        Parameters
        ----------
        subject : Subject
            What the step works on.
        step : str
            Name of the step.
        files : collection of str
            What the step may write, relative to the run root. The list is kept until the step is
            done, so that the next run knows the files of a step that was cut short.

        Returns
        -------
        frozenset of str
            The files that earlier runs may have left: those of the last record, valid or not, and
            those of runs that were cut short.

        Raises
        ------
        FormatError
            If a newer version of ich wrote the record. Nothing is changed.
        StorageError
            If the list cannot be written, or a folder of the step leads out of the run root.
        """
        layout = self._layout
        folders = schema_of(step).folders(layout, subject)
        require_inside(layout, [layout.folder(subject), *folders])
        record, begun = layout.record(subject, step), layout.begun(subject, step)
        require_known_format(read_value(record), step, record)
        named = (*files_named(record), *files_named(begun))
        left = frozenset(name for name in named if is_own(layout, subject, step, name))
        if files:
            write_json(begun, {"files": sorted(left.union(files))})
        remove([record])
        return left

    def finish(self, subject: Subject, step: str, record: Record[Content]) -> None:
        """Write the record of a step whose files are all written.

        Parameters
        ----------
        subject : Subject
            What the step works on.
        step : str
            Name of the step.
        record : Record
            ``files`` names the files relative to the run root. Their sizes are read here.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        write_record(self._layout, subject, step, record)
        remove([self._layout.begun(subject, step)])

    def add_digests(self, subject: Subject) -> None:
        """Add the digests to the valid records that an earlier version wrote, under the lock.

        Raises
        ------
        StorageError
            If a record cannot be written.
        """
        for step in steps_of(subject.kind):
            path = self._layout.record(subject, step.name)
            value = read_value(path)
            if not isinstance(value, dict) or "digests" in value:
                continue
            if self.find(subject, step.name) is not None:
                times = path.stat()
                write_value(self._layout, subject, step.name, value)
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def have_digests(self, subject: Subject) -> bool:
        """Return whether no valid record of a subject lacks the digests of its files."""
        found = (self.find(subject, step.name) for step in steps_of(subject.kind))
        return all(record.digests for record in found if record is not None)

    def is_whole(self, subject: Subject, step: str) -> bool:
        """Return whether the array of a step has the digest of its record, if both are there."""
        record, array = self.find(subject, step), self._layout.array(subject, step)
        sha256 = None if record is None else record.sha256(self.relative(array))
        return sha256 is None or is_unchanged(array, sha256)

    def relative(self, path: Path) -> str:
        """Return a path below the run root as a record lists it."""
        return self._layout.relative(path)

    @contextmanager
    def working_on(self, subject: Subject, step: str) -> Iterator[None]:
        """Hold the lock of a subject; note why the step failed, clear the note if it succeeds."""
        with self.holding(subject):
            try:
                yield
            except Exception as error:
                self.failures.write(subject, step, error)
                raise
            self.failures.clear(subject, step)

    @contextmanager
    def holding(
        self, subject: Subject, on_wait: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Hold the lock of a subject over several steps; each of them may hold it again.

        Parameters
        ----------
        subject : Subject
            The subject.
        on_wait : callable, optional
            Called once before the wait, if another process works on the subject.

        Raises
        ------
        StorageError
            If the lock file cannot be made, or the folder leads out of the run root.
        """
        require_inside(self._layout, [self._layout.folder(subject)])
        with held(self._layout.lock(subject), on_wait):
            yield

    def finished_since(self, subject: Subject, step: str, began: float) -> Record[Content] | None:
        """Return the valid record of a step if it was written after a moment.

        Parameters
        ----------
        subject : Subject
            The subject.
        step : str
            Name of the step.
        began : float
            The moment, in seconds since 1970.

        Raises
        ------
        FormatError
            If a newer version of ich wrote the record.
        """
        record = self.find(subject, step)
        if record is None or self._layout.record(subject, step).stat().st_mtime < began:
            return None
        return record

    def finished_at(self, subject: Subject) -> datetime | None:
        """Return when the last step of a subject ended, None where it has no result.

        Whether the result is valid is another question; see ``find``.
        """
        paths = [self._layout.record(subject, step) for step in final_steps(subject.kind)]
        if not all(path.is_file() for path in paths):
            return None
        return datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), UTC)
