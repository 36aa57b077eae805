"""Why the last run of a subject failed: one small note beside its records."""

from dataclasses import asdict, dataclass

from ich_resources.errors import IchError, StorageError
from ich_resources.storage.files import read_json, remove, write_json
from ich_resources.storage.layout import Layout
from ich_resources.subjects import Subject

CHECKS = "asset checks"
"""Stands for the step of a failure that a blocking check raised."""
UNCHECKED = "checks to come"
"""Stands for the step of a run that has begun and whose checks may be missing."""
_RUN_NOT_NAMED = "its run has not come to its end"
"""Message of that note where an earlier version wrote it."""

SLICE_KEYS = {"path", "sop_instance_uid", "code", "reason"}
"""Keys of each slice of a failure."""


@dataclass(frozen=True)
class Failure:
    """Why the last run of a subject failed.

    Attributes
    ----------
    step, code, message : str
        The step that failed, the reason code, the sentence.
    slices : tuple of dict
        The slices behind it: path, sop_instance_uid, code, reason.
    """

    step: str
    code: str
    message: str
    slices: tuple[dict[str, str], ...] = ()

    def is_of_run(self, run_id: str) -> bool:
        """Return whether a run was at work on the subject and has not come to its end."""
        return self.step == UNCHECKED and (run_id in self.message or self.message == _RUN_NOT_NAMED)


def begun_by(run_id: str, why: str = "has not come to its end", code: str = "") -> IchError:
    """Return what to note (step ``UNCHECKED``) while a run is at work on a subject.

    Parameters
    ----------
    run_id : str
        The run, as Dagster calls it.
    why : str
        What is said of it.
    code : str
        Reason code, if the run itself knows that it will not come to its end.
    """
    return IchError(f"run {run_id} {why}", code=code)


class Failures:
    """The failure notes below one run root."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def find(self, subject: Subject) -> Failure | None:
        """Return why the last run of a subject failed, None where it did not fail."""
        path = self._layout.failure(subject)
        if not path.is_file():
            return None
        try:
            value = read_json(path, remedy="")
            failure = Failure(**{**value, "slices": tuple(value["slices"])})
            if _is_sound(failure):
                return failure
        except (StorageError, KeyError, TypeError):
            pass
        return Failure("unknown", "StorageError", "the note of its failure is damaged")

    def noted_at(self, subject: Subject) -> float:
        """Return when the note of a subject was written, in seconds since 1970; 0 without one."""
        try:
            return self._layout.failure(subject).stat().st_mtime
        except OSError:
            return 0.0

    def write(self, subject: Subject, step: str, error: Exception) -> None:
        """Keep why a subject failed, for the ledger and the report; it replaces the last note.

        Parameters
        ----------
        subject : Subject
            What failed.
        step : str
            The step in which it failed.
        error : Exception
            An ``IchError`` also gives its code and the slices that it names. The code of
            another error is the name of its type.
        """
        if isinstance(error, IchError):
            code = error.code or type(error).__name__
            failure = Failure(step, code, str(error), error.slices)
        else:
            failure = Failure(step, type(error).__name__, str(error))
        write_json(self._layout.failure(subject), asdict(failure))

    def clear(self, subject: Subject, step: str) -> None:
        """Remove the note if it is of this step, which has now succeeded."""
        failure = self.find(subject)
        if failure is not None and failure.step == step:
            remove([self._layout.failure(subject)])


def _is_sound(failure: Failure) -> bool:
    """Return whether a note that was read has texts in every place."""
    texts: list[object] = [failure.step, failure.code, failure.message]
    for item in failure.slices:
        if not isinstance(item, dict) or item.keys() != SLICE_KEYS:
            return False
        texts += item.values()
    return all(isinstance(text, str) for text in texts)
