"""What a person chooses for an evaluation, and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ich_resources.evaluation.calibration import Kind
from ich_resources.evaluation.cases import Level
from ich_resources.evaluation.comparison import Comparison
from ich_resources.evaluation.judging import LevelResult
from ich_resources.evaluation.listings import Listed
from ich_resources.evaluation.operating_point import OperatingPoint, Rule
from ich_resources.evaluation.subgroups import Subgroup
from ich_resources.evaluation.subtypes import Subtypes
from ich_resources.evaluation.unpaired import Unpaired
from ich_resources.scores import Weights


@dataclass(frozen=True)
class Options:
    """What a person chooses.

    Attributes
    ----------
    level : {"auto", "slice", "series", "study"}
        Level of the threshold and of the lists. auto: series, or study where studies are labelled.
    prevalence : float or None
        Share of bleeds where the networks are to be used; None: that of the cases.
    threshold : float or None
        On P(any); None: chosen by the rule.
    rule, sensitivity : str, float
        See ``operating_point.choose_threshold``.
    halves : bool
        Whether the threshold is chosen on one half of the patients and reported on the other.
    bootstrap, seed : int
        Samples of the bootstrap; seed of it and of the halves.
    fit : {"off", "temperature", "isotonic"}
        Calibration, fitted on one half of the patients and reported on the other.
    """

    level: Literal["auto", "slice", "series", "study"] = "auto"
    prevalence: float | None = None
    threshold: float | None = None
    rule: Rule = "sensitivity"
    sensitivity: float = 0.95
    halves: bool = False
    bootstrap: int = 2000
    seed: int = 1992
    fit: Literal["off", "temperature", "isotonic"] = "off"


@dataclass(frozen=True)
class Fitted:
    """A calibration, and what it does on patients that it was not fitted on.

    Attributes
    ----------
    kind : {"temperature", "isotonic"}
        Its shape.
    classes : mapping
        As in ``judged.Calibration``.
    level : {"slice", "series", "study"}
        Level of the cases that it was fitted on.
    fitted_on : mapping
        Counts, and how the patients were chosen.
    before, after : LevelResult
        The other half of the patients, without and with it.
    """

    kind: Kind
    classes: Mapping[str, Mapping[str, Any]]
    level: Level
    fitted_on: Mapping[str, Any]
    before: LevelResult
    after: LevelResult


@dataclass(frozen=True)
class Evaluation:
    """What is known of the networks after their probabilities met the labels.

    Attributes
    ----------
    weights : Weights
        The networks.
    levels : tuple of LevelResult
        Every level, the lowest first.
    main : {"slice", "series", "study"}
        Level of the operating point, the lists, the subtypes and the subgroups.
    point : OperatingPoint or None
        None where no threshold can be chosen; a note says why.
    chosen_on : mapping
        Which cases the threshold was chosen on.
    subtypes : Subtypes
        Of the main level.
    subgroups : tuple of Subgroup
        Of the main level.
    cases : tuple of Listed
        Every case of the main level.
    unpaired : tuple of Unpaired
        What was not counted.
    patients_from : {"labels", "studies"}
        What counts as a patient.
    fitted : Fitted or None
        A new calibration.
    comparison : Comparison or None
        With another run root.
    notes : tuple of str
        What else a reader should know, a sentence each.
    """

    weights: Weights
    levels: tuple[LevelResult, ...]
    main: Level
    point: OperatingPoint | None
    chosen_on: Mapping[str, Any]
    subtypes: Subtypes
    subgroups: tuple[Subgroup, ...]
    cases: tuple[Listed, ...]
    unpaired: tuple[Unpaired, ...]
    patients_from: str
    fitted: Fitted | None = None
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()

    @property
    def main_result(self) -> LevelResult:
        """The result of the main level."""
        return next(result for result in self.levels if result.level == self.main)

    def with_verdict(self, verdict: str) -> tuple[Listed, ...]:
        """Return the cases with a verdict: ``missed``, ``false alarm`` ..."""
        return tuple(case for case in self.cases if case.verdict == verdict)
