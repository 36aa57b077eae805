"""The record of each step of each subject: written last, removed first.

A step removes its record, writes its files, and then writes the record. A record is valid if it
parses, fits its schema, and every file that it lists is there with the recorded size. Otherwise the
step runs again. So a kill at any moment leaves either a whole result or a step that runs again.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from ich_resources.errors import FormatError, StorageError
from ich_resources.steps import BY_NAME, final_steps
from ich_resources.storage.failures import Failures
from ich_resources.storage.files import held, read_json, remove, write_json
from ich_resources.storage.layout import Layout
from ich_resources.storage.schemas import SCHEMAS, Content
from ich_resources.subjects import Subject

ContentT = TypeVar("ContentT", bound=Content, covariant=True)
_C = TypeVar("_C", bound=Content)


@dataclass(frozen=True)
class Record(Generic[ContentT]):
    """The result of one step on one subject.

    Attributes
    ----------
    inputs_digest : str
        Fingerprint of everything that the result depends on; ``recipe`` in the JSON file.
    data_version : str
        Fingerprint of the result. Later steps depend on it.
    files : tuple of str
        Files that the step wrote, relative to the run root.
    content : Content
        Accounting, provenance, seconds; see ``schemas``.
    """

    inputs_digest: str
    data_version: str
    files: tuple[str, ...]
    content: ContentT


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
        path = self._layout.record(subject, step)
        value = _read(path)
        _require_known_format(value, step, path)
        try:
            names, sizes = tuple(value["files"]), value["sizes"]
            content = SCHEMAS[BY_NAME[step].code].model_validate(value["content"])
            record = Record(value["recipe"], value["data_version"], names, content)
            valid = sizes == self._sizes(names) and self._all_own(subject, step, names)
        except (KeyError, TypeError, ValidationError):
            return None
        return record if valid and _is_text(record.inputs_digest, record.data_version) else None

    def find_as(self, subject: Subject, step: str, schema: type[_C]) -> Record[_C] | None:
        """Return the record of a step with the schema that its content is known to have.

        Raises
        ------
        FormatError
            If a newer version of ich wrote the record.
        """
        record = self.find(subject, step)
        return None if record is None else content_as(record, schema)

    def _sizes(self, names: tuple[str, ...]) -> list[int | None]:
        paths = [self._layout.run_root / name for name in names]
        return [path.stat().st_size if path.is_file() else None for path in paths]

    def _all_own(self, subject: Subject, step: str, names: tuple[str, ...]) -> bool:
        """Return whether no file is another subject's or step's, as in a record copied by hand."""
        own = PurePosixPath(self.relative(self._layout.record(subject, step)))
        panels = PurePosixPath(self.relative(self._layout.panels))
        for name in map(PurePosixPath, names):
            if name.is_relative_to("state") and name.with_suffix("") != own.with_suffix(""):
                return False
            if name.is_relative_to(panels) and not name.is_relative_to(panels / subject.parts[0]):
                return False
        return True

    def begin(self, subject: Subject, step: str, files: Collection[str] = ()) -> frozenset[str]:
        """Withdraw the earlier result of a step before its files are written again.

        Parameters
        ----------
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
            If the list cannot be written.
        """
        record, begun = self._layout.record(subject, step), self._layout.begun(subject, step)
        _require_known_format(_read(record), step, record)
        left = frozenset((*_files_named(record), *_files_named(begun)))
        if files:
            write_json(begun, {"files": sorted(left.union(files))})
        remove([record])
        return left

    def finish(self, subject: Subject, step: str, record: Record[Content]) -> None:
        """Write the record of a step whose files are all written.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        value = {
            "format": record.content.format,
            "recipe": record.inputs_digest,
            "data_version": record.data_version,
            "files": list(record.files),
            "content": record.content.model_dump(exclude_unset=True),
            "sizes": self._sizes(record.files),
        }
        write_json(self._layout.record(subject, step), value, durable=True)
        remove([self._layout.begun(subject, step)])

    def relative(self, path: Path) -> str:
        """Return a path below the run root as a record lists it."""
        return path.relative_to(self._layout.run_root).as_posix()

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
            If the lock file cannot be made.
        """
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


def content_as(record: Record[Content], schema: type[_C]) -> Record[_C]:
    """Return a record with the schema that its content is known to have.

    Raises
    ------
    TypeError
        If it has another schema.
    """
    if not isinstance(record.content, schema):
        raise TypeError(f"a {type(record.content).__name__}, not a {schema.__name__}")
    return Record(record.inputs_digest, record.data_version, record.files, record.content)


def _require_known_format(value: Any, step: str, path: Path) -> None:
    """Check that this version of ich can read a record.

    Raises
    ------
    FormatError
        If a newer one wrote it.
    """
    known = SCHEMAS[BY_NAME[step].code].format
    found = value.get("format", 1) if isinstance(value, dict) else 1
    if isinstance(found, int) and found > known:
        raise FormatError(
            f"a newer version of ich wrote this record: format {found}, and this version reads "
            f"formats up to {known}",
            path=path,
            remedy="use the newer version, or choose another RUN_ROOT",
        )


def _is_text(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _read(path: Path) -> Any:
    """Return the JSON of a file, None where the file is missing or damaged."""
    try:
        return read_json(path, remedy="")
    except StorageError:
        return None


def _files_named(path: Path) -> list[str]:
    """Return the files that a record or a list of begun files names; none where it is damaged."""
    value = _read(path)
    names = value.get("files") if isinstance(value, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
