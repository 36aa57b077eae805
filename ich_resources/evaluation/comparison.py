"""Two sets of probabilities of the same labelled cases: which is better, and how sure."""

from dataclasses import dataclass

import numpy as np

from ich_resources.errors import IchError
from ich_resources.evaluation.bootstrap import draw_statistics
from ich_resources.evaluation.cases import Cases, Level, class_values
from ich_resources.evaluation.curves import auc
from ich_resources.evaluation.intervals import Interval, percentile
from ich_resources.hemorrhage import CLASSES
from ich_resources.metric import weighted_log_loss

PAIRED = "paired bootstrap over patients"


@dataclass(frozen=True)
class Difference:
    """A value of this run, of the other, and their difference.

    Attributes
    ----------
    what : str
        ``AUC any`` ..., ``weighted log loss``. A lower loss is better.
    this, other, difference : float or None
        None where there are too few cases. The difference is this - other.
    interval : Interval or None
        Of the difference, by a paired bootstrap over patients.
    """

    what: str
    this: float | None
    other: float | None
    difference: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Comparison:
    """Differences on the cases that both have.

    Attributes
    ----------
    level : {"slice", "series", "study"}
        What a case is.
    cases, patients : int
        Those that both have.
    only_this, only_other : int
        Labelled cases that the other has not; left out.
    differences : tuple of Difference
        The loss first.
    names : (str, str)
        What this and the other are, for people.
    """

    level: Level
    cases: int
    patients: int
    only_this: int
    only_other: int
    differences: tuple[Difference, ...]
    names: tuple[str, str]


def compare(
    this: Cases, other: Cases, *, names: tuple[str, str], draws: int, seed: int
) -> Comparison:
    """Compare two sets of probabilities of the same labels.

    Parameters
    ----------
    this, other : Cases
        Of the same level and the same labels.
    names : (str, str)
        What they are, for people.
    draws, seed : int
        Of the bootstrap.

    Raises
    ------
    IchError
        If they have no case in common.
    """
    common = set(this.ids) & set(other.ids)
    if not common:
        raise IchError(
            f"{names[0]} and {names[1]} have no labelled case in common",
            remedy="score the same series into both, or leave compare_with empty",
        )
    a, b = _sorted(this, common), _sorted(other, common)
    first, second = draw_statistics(a, draws, seed), draw_statistics(b, draws, seed)
    losses = [weighted_log_loss(x.labels, x.probabilities) for x in (a, b)]
    found = [_difference("weighted log loss", losses[0], losses[1], first.loss - second.loss)]
    for column, name in enumerate(CLASSES):
        areas = [auc(*class_values(x, column)[:2]) for x in (a, b)]
        drawn = first.auc[:, column] - second.auc[:, column]
        found.append(_difference(f"AUC {name}", areas[0], areas[1], drawn))
    return Comparison(
        this.level,
        len(a),
        a.number_of_patients,
        len(this) - len(a),
        len(other) - len(a),
        tuple(found),
        names,
    )


def _sorted(cases: Cases, common: set[str]) -> Cases:
    """Return the common cases in the order of their IDs, so that the draws are of the same."""
    kept = cases.where(np.array([name in common for name in cases.ids], np.bool_))
    order = sorted(range(len(kept)), key=kept.ids.__getitem__)
    return Cases(
        kept.level,
        tuple(kept.ids[row] for row in order),
        kept.labels[order],
        kept.probabilities[order],
        tuple(kept.patients[row] for row in order),
        tuple(kept.series[row] for row in order),
        tuple(kept.studies[row] for row in order),
    )


def _difference(
    what: str,
    this: float | None,
    other: float | None,
    drawn: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> Difference:
    both = this is not None and other is not None
    return Difference(
        what,
        this,
        other,
        this - other if this is not None and other is not None else None,
        percentile(drawn, PAIRED) if both else None,
    )
