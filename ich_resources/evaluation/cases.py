"""The cases of an evaluation: slices, series or studies with both labels and probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import ANY, CLASSES

Numbers = npt.NDArray[np.float64]
Level = Literal["slice", "series", "study"]


@dataclass(frozen=True)
class Cases:
    """N cases of one level.

    Attributes
    ----------
    level : {"slice", "series", "study"}
        What one row is.
    ids : tuple of str, N
        ID of the slice, SeriesInstanceUID or StudyInstanceUID, each once.
    labels : float64 array, shape (N, 6)
        0, 1, or NaN where the class was not read.
    probabilities : float64 array, shape (N, 6)
        A series or study has the highest of its slices, class by class.
    patients : tuple of str, N
        Groups of the bootstrap and of the halves. They are not written anywhere.
    series, studies : tuple of str, N
        SeriesInstanceUID (that of the highest P(any) for a study) and StudyInstanceUID.

    Raises
    ------
    ValueError
        If the columns differ in length, or a value is not a label or a probability.
    """

    level: Level
    ids: tuple[str, ...]
    labels: Numbers
    probabilities: Numbers
    patients: tuple[str, ...]
    series: tuple[str, ...]
    studies: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(CLASSES))
        if {len(self.patients), len(self.series), len(self.studies)} != {len(self.ids)}:
            raise ValueError("the columns of the cases differ in length")
        if self.labels.shape != shape or self.probabilities.shape != shape:
            raise ValueError(f"labels or probabilities do not have the shape {shape}")
        if not (np.isnan(self.labels) | (self.labels == 0) | (self.labels == 1)).all():
            raise ValueError("a label is not 0, 1 or NaN")
        if not ((self.probabilities >= 0) & (self.probabilities <= 1)).all():
            raise ValueError("a probability is not a number from 0 to 1")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def number_of_patients(self) -> int:
        """How many patients the cases are of."""
        return len(set(self.patients))

    @property
    def any_read(self) -> npt.NDArray[np.bool_]:
        """Whether the class ``any`` of a case was read; shape (N,)."""
        return ~np.isnan(self.labels[:, ANY])

    def where(self, mask: npt.NDArray[np.bool_]) -> "Cases":
        """Return some of the cases.

        Parameters
        ----------
        mask : bool array, shape (N,)
            Which.
        """
        rows = np.flatnonzero(mask).tolist()

        def some(column: Sequence[str]) -> tuple[str, ...]:
            return tuple(column[row] for row in rows)

        return Cases(
            self.level,
            some(self.ids),
            self.labels[rows],
            self.probabilities[rows],
            some(self.patients),
            some(self.series),
            some(self.studies),
        )

    def with_probabilities(self, probabilities: Numbers) -> "Cases":
        """Return the cases with other probabilities.

        Parameters
        ----------
        probabilities : float64 array, shape (N, 6)
            In the order of the cases.
        """
        return Cases(
            self.level,
            self.ids,
            self.labels,
            probabilities,
            self.patients,
            self.series,
            self.studies,
        )


def class_values(cases: Cases, column: int) -> tuple[Numbers, Numbers, npt.NDArray[np.intp]]:
    """Return the labels and probabilities of one class, and the rows that they are of.

    Parameters
    ----------
    cases : Cases
        All of them.
    column : int
        Index of the class.

    Returns
    -------
    labels, probabilities : float64 arrays, shape (n,)
        Of the rows whose class was read.
    rows : int array, shape (n,)
        Those rows.
    """
    rows = np.flatnonzero(~np.isnan(cases.labels[:, column]))
    return cases.labels[rows, column], cases.probabilities[rows, column], rows


def label_of_group(labels: Numbers, *, whole: bool) -> Numbers:
    """Return the labels of a series from those of its slices, or of a study from its series'.

    Parameters
    ----------
    labels : float64 array, shape (n, 6)
        0, 1, or NaN where the class was not read.
    whole : bool
        Whether every member that was scored has a row. Otherwise a bleed may be on the others.

    Returns
    -------
    float64 array, shape (6,)
        1 where a member has it; 0 where every member was read and none has it; else NaN.
    """
    positive = (labels == 1).any(axis=0)
    negative = (labels == 0).all(axis=0) & whole
    return np.where(positive, 1.0, np.where(negative, 0.0, np.nan))
