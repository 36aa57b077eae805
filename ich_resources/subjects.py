"""What a record is about: one series, one fold of a training, or a training as a whole."""

from dataclasses import dataclass

from ich_resources.steps import SubjectKind


@dataclass(frozen=True)
class Subject:
    """One thing that steps work on.

    Attributes
    ----------
    kind : {"series", "training"}
        Kind of thing.
    parts : tuple of str
        What names it within its kind: the SeriesInstanceUID of a series; backbone and fold, or
        nothing, of a training. Each is a folder name.

    Raises
    ------
    ValueError
        If a part is not a plain folder name.
    """

    kind: SubjectKind
    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        unnamed = not self.parts and self.kind == "series"
        if unnamed or any(p in ("", ".", "..") or "/" in p or "\0" in p for p in self.parts):
            raise ValueError(f"not the name of a subject: {self.parts}")

    def __str__(self) -> str:
        return "/".join((self.kind, *self.parts))


def series_subject(series_uid: str) -> Subject:
    """Return a series as a subject.

    Parameters
    ----------
    series_uid : str
        SeriesInstanceUID that passed ``uids.is_uid``.
    """
    return Subject("series", (series_uid,))


def training_subject(*parts: str) -> Subject:
    """Return one fold of a training as a subject, or a training as a whole.

    Parameters
    ----------
    *parts : str
        A backbone, or ``sequence``, and the number of the fold; nothing for the whole.
    """
    return Subject("training", parts)
