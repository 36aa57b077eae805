"""Labels of people, the folds of their patients, and the slices that both are known of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import ANY, CLASSES

FloatArray = npt.NDArray[np.float32]
Level = Literal["slice", "series", "study"]
"""What one row of labels is about."""
LabelFormat = Literal["ich", "kaggle", "cq500", "physionet"]
"""The formats of files of labels, each known by its header."""
RAREST_FIRST = (
    "epidural",
    "intraventricular",
    "subarachnoid",
    "intraparenchymal",
    "subdural",
)
"""The subtypes of bleeds, the rarest in the RSNA 2019 data first. Folds are stratified by them."""


def _require_values(ids: Sequence[str], values: FloatArray) -> None:
    """Check the shape and the values of labels.

    Raises
    ------
    ValueError
        If they do not fit.
    """
    if values.shape != (len(ids), len(CLASSES)):
        raise ValueError(f"labels of {len(ids)} have shape {values.shape}, not (n, {len(CLASSES)})")
    if not (np.isnan(values) | (values == 0) | (values == 1)).all():
        raise ValueError("a label is neither 0 nor 1 nor NaN")
    if len(set(ids)) != len(ids):
        raise ValueError("an identifier stands twice among the labels")


@dataclass(frozen=True)
class SliceLabels:
    """The labels of slices.

    Attributes
    ----------
    ids : tuple of str
        SOPInstanceUIDs. Kaggle's identifiers (``ID_<9 hex>``) are the SOPInstanceUIDs of its files.
    values : float32 array, shape (n, 6)
        0, 1, or NaN where the class was not read; in the order of ``hemorrhage.CLASSES``.

    Raises
    ------
    ValueError
        If shape or values do not fit, or an identifier stands twice.
    """

    ids: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        _require_values(self.ids, self.values)


@dataclass(frozen=True)
class Labels:
    """The content of one file of labels.

    Attributes
    ----------
    level : {"slice", "series", "study"}
        What one row is about.
    ids : tuple of str
        SOPInstanceUIDs, SeriesInstanceUIDs or StudyInstanceUIDs, each once, in file order.
    values : float32 array, shape (n, 6)
        0, 1, or NaN where the class was not read; in the order of ``hemorrhage.CLASSES``.
    patients : mapping of str to str
        The file's patient of an identifier, as it stands there; empty where the file has none. It
        must not be written or shown.
    subgroups : mapping of str to mapping
        For each further column of the file, the value of an identifier.
    format : {"ich", "kaggle", "cq500", "physionet"}
        Format of the file.
    ties : tuple of (str, str)
        Identifier and class of each label that was left out because its readers are divided
        equally.
    kappa : mapping of str to float
        Cohen's kappa of a class, mean over the pairs of readers; NaN where it is not defined.
        Empty where there is one reader.
    duplicates : int
        Number of rows that repeat an equal row, and were left out.
    notes : tuple of str
        What else a person should know of the file, a sentence each.

    Raises
    ------
    ValueError
        If shape or values do not fit, or an identifier stands twice.
    """

    level: Level
    ids: tuple[str, ...]
    values: FloatArray
    patients: Mapping[str, str] = field(default_factory=dict)
    subgroups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    format: LabelFormat = "ich"
    ties: tuple[tuple[str, str], ...] = ()
    kappa: Mapping[str, float] = field(default_factory=dict)
    duplicates: int = 0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_values(self.ids, self.values)

    def any_below_subtype(self) -> tuple[str, ...]:
        """Return the identifiers whose ``any`` is 0 although a subtype is 1."""
        subtypes = np.delete(self.values, ANY, axis=1)
        bad = (self.values[:, ANY] == 0) & (subtypes == 1).any(axis=1)
        return tuple(self.ids[row] for row in np.flatnonzero(bad))

    def any_without_subtype(self) -> tuple[str, ...]:
        """Return the identifiers whose ``any`` is 1 although all five subtypes are 0."""
        subtypes = np.delete(self.values, ANY, axis=1)
        bad = (self.values[:, ANY] == 1) & (subtypes == 0).all(axis=1)
        return tuple(self.ids[row] for row in np.flatnonzero(bad))


@dataclass(frozen=True)
class Folds:
    """The fold of each patient: its slices are held out by the networks of that fold.

    Attributes
    ----------
    patient_to_fold : mapping of str to int
        Fold (0 ... count - 1) of each patient key.
    count : int
        Number of folds.

    Raises
    ------
    ValueError
        If a fold is not below the number of folds.
    """

    patient_to_fold: Mapping[str, int]
    count: int = 5

    def __post_init__(self) -> None:
        if any(not 0 <= fold < self.count for fold in self.patient_to_fold.values()):
            raise ValueError(f"a fold is not one of 0 ... {self.count - 1}")

    def of(self, patients: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the fold of each row.

        Parameters
        ----------
        patients : sequence of str
            Patient key of each of n rows.

        Returns
        -------
        int64 array, shape (n,)

        Raises
        ------
        KeyError
            If a patient has no fold.
        """
        return np.array([self.patient_to_fold[patient] for patient in patients], np.int64)


@dataclass(frozen=True)
class LabelledSlices:
    """The slices that a network is trained and judged on, by series and then index.

    Attributes
    ----------
    slices, series, studies, patients : tuple of str, n each
        SOPInstanceUID, SeriesInstanceUID and StudyInstanceUID, and the key of the patient, which
        is not an identifier of a person.
    indices : int64 array, shape (n,)
        Index of the slice in its series, along the slice normal: 0, 1, 2, ... without gaps.
    positions : float64 array, shape (n,)
        Position along the slice normal in mm; NaN where it is not known.
    labels : float32 array, shape (n, 6)
        0, 1, or NaN where the class was not read. A row of six NaN is a slice without labels: it
        is the neighbour of others, and not itself trained or judged.
    images : tuple of Path, n
        The 8-bit gray PNG of each slice at its native size.
    version : str
        Data version of the table.

    Raises
    ------
    ValueError
        If the columns differ in length, a slice stands twice, or the indices of a series are not
        0, 1, 2, ...
    """

    slices: tuple[str, ...]
    series: tuple[str, ...]
    studies: tuple[str, ...]
    patients: tuple[str, ...]
    indices: npt.NDArray[np.int64]
    positions: npt.NDArray[np.float64]
    labels: FloatArray
    images: tuple[Path, ...]
    version: str

    def __post_init__(self) -> None:
        _require_values(self.slices, self.labels)
        columns = (self.series, self.studies, self.patients, self.indices, self.positions)
        if {len(column) for column in (*columns, self.images)} != {len(self.slices)}:
            raise ValueError("the columns of the labelled slices differ in length")
        if self.indices.tolist() != _counted(self.series):
            raise ValueError("the slices of a series do not stand together, numbered 0, 1, 2, ...")

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Whether at least one class of a slice was read; shape (n,)."""
        return np.asarray(~np.isnan(self.labels).all(axis=1), np.bool_)


def _counted(series: Sequence[str]) -> list[int]:
    """Return the index of each row in its series, -1 where the series stood before."""
    seen: set[str] = set()
    numbers: list[int] = []
    for row, name in enumerate(series):
        if row and series[row - 1] == name:
            numbers.append(numbers[-1] + 1)
            continue
        numbers.append(-1 if name in seen else 0)
        seen.add(name)
    return numbers
