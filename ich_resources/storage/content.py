"""What every record holds, and how a schema is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator, Strict

from ich_resources.steps import Step
from ich_resources.storage.layout import Layout
from ich_resources.subjects import Subject
from ich_resources.worth import TrainedOn


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


Text = Annotated[str, PlainValidator(_text)]
"""A string that may hold lone surrogates, as a file name that is not UTF-8 does."""
_T = TypeVar("_T")
Rows = Annotated[tuple[_T, ...], Strict(False)]
"""A list in JSON."""


class Schema(BaseModel):
    """A strict model: no field more or less, no infinite number."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def made_worth(untrained: bool, trained_on: TrainedOn | None) -> TrainedOn:
    """Return what a result is worth by two fields of its record.

    Parameters
    ----------
    untrained : bool
        Whether a checkpoint is an untrained stand-in.
    trained_on : {"nothing", "phantoms", "patients"} or None
        None in records of format 1, which know no third case.
    """
    return trained_on or ("nothing" if untrained else "patients")


class Content(Schema):
    """What every record holds.

    Attributes
    ----------
    seconds : float
        Time that the step took, in seconds.
    """

    format: ClassVar[int] = 1
    feeds_tables: ClassVar[bool] = True
    """Whether the files are small, pictures aside, and their numbers reach a table."""
    compared_when_read: ClassVar[tuple[str, ...]] = (".png",)
    """Endings of files that are not compared with their digests when a record is looked up."""

    seconds: float

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """Return the folders that the step writes into, beside that of its subject."""
        return ()

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """Return whether a path, other than that of the array, is of a file of the step.

        Parameters
        ----------
        layout : Layout
            Paths below the run root.
        subject : Subject
            What the step works on.
        step : str
            Name of the step.
        path : Path
            Below the run root, with the run root in front. It need not exist.
        """
        return False

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """Return the files that other steps read. A whole record lists them.

        Parameters
        ----------
        layout : Layout
            Paths below the run root.
        subject : Subject
            What the step works on.
        step : str
            Name of the step.
        """
        return [layout.array(subject, step)]

    @property
    def worth(self) -> TrainedOn:
        """What the networks behind it were trained on, the least of them."""
        return "patients"

    @property
    def worth_repeating(self) -> bool:
        """Whether the step is tried again in the next run although its result holds."""
        return False

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the steps, or the source, that this result was made from."""
        return step.needs

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """Return whether the result was made from these versions of its inputs.

        Parameters
        ----------
        versions : mapping of str to str
            Data version of each of ``inputs``.
        inputs_digest : str
            That of the record.

        Raises
        ------
        NotImplementedError
            In this class. Each schema defines its own.
        """
        raise NotImplementedError
