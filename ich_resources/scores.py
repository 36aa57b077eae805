"""Probabilities that are to be judged: of a run root's tables, or out of fold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import CLASSES
from ich_resources.worth import BANNERS, TrainedOn

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Unscored:
    """A slice or a whole series that was found and has no probabilities.

    Attributes
    ----------
    slice_id, series, study : str
        ID of the slice (``uids.slice_stem``), empty for a whole series; SeriesInstanceUID and
        StudyInstanceUID.
    code, reason : str
        Reason code, or the state of the series; sentence.
    """

    slice_id: str
    series: str
    study: str
    code: str
    reason: str


@dataclass(frozen=True)
class Weights:
    """The networks behind the probabilities.

    Attributes
    ----------
    text : str
        For the first line of every file.
    trained_on : {"nothing", "phantoms", "patients"}
        What they were trained on, the least of them.
    """

    text: str
    trained_on: TrainedOn = "patients"

    @property
    def warning(self) -> str:
        """The sentence that must stand on every page; empty for weights trained on patients."""
        return BANNERS[self.trained_on]


@dataclass(frozen=True)
class Scores:
    """The probabilities of N slices, and what is known of their series.

    Attributes
    ----------
    slices, series, studies : tuple of str, N each
        ID of the slice (``uids.slice_stem``), SeriesInstanceUID, StudyInstanceUID.
    probabilities : float64 array, shape (N, 6)
        In the order of ``hemorrhage.CLASSES``.
    weights : Weights
        The networks.
    unscored : tuple of Unscored
        What was found and not scored, with its code.
    facts : mapping of str to mapping
        For each property of a series (kernel, tilt, ...) its value by SeriesInstanceUID.
    panels : mapping of str to str
        Path of the saliency panel of a slice, relative to the folder of the run root, by ID.
    origin : str
        What they are of, for people: "one half of the patients of ...".
    seen : frozenset of str
        SeriesInstanceUIDs of studies that one of the networks was trained on.

    Raises
    ------
    ValueError
        If the columns differ in length, a slice stands twice, or a value is not a probability.
    """

    slices: tuple[str, ...]
    series: tuple[str, ...]
    studies: tuple[str, ...]
    probabilities: Numbers
    weights: Weights
    unscored: tuple[Unscored, ...] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    panels: Mapping[str, str] = field(default_factory=dict)
    origin: str = "the labelled folder"
    seen: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        count = len(self.slices)
        if len(self.series) != count or len(self.studies) != count:
            raise ValueError("the columns of the scores differ in length")
        if self.probabilities.shape != (count, len(CLASSES)):
            raise ValueError(f"{count} slices have probabilities {self.probabilities.shape}")
        if not ((self.probabilities >= 0) & (self.probabilities <= 1)).all():
            raise ValueError("a probability is not a number from 0 to 1")
        if len(set(self.slices)) != count:
            raise ValueError("a slice stands twice among the scores")
