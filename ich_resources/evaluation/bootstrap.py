"""The bootstrap over patients: whole patients are drawn, with all of their cases."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ich_resources.evaluation.cases import Cases, class_values
from ich_resources.evaluation.curves import SortedClass, enough
from ich_resources.hemorrhage import CLASSES
from ich_resources.metric import CLIP, WEIGHTS

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Values of B draws.

    Attributes
    ----------
    auc : float64 array, shape (B, 6)
        NaN where a draw has no positive or no negative, or the cases have too few.
    loss : float64 array, shape (B,)
        Weighted log loss.
    """

    auc: Numbers
    loss: Numbers


def draw_statistics(
    cases: Cases, draws: int, seed: int, columns: Sequence[int] = range(len(CLASSES))
) -> Draws:
    """Return AUCs and weighted log losses of many samples of the patients.

    The same patients, numbers and seed give the same samples, whatever the probabilities: so two
    sets of probabilities of the same cases are compared in pairs.

    Parameters
    ----------
    cases : Cases
        At least one.
    draws : int
        Number of samples, B.
    seed : int
        Of numpy's default generator.
    columns : sequence of int
        Classes that get an AUC; NaN for the others.
    """
    groups, number = _groups(cases.patients)
    classes = {column: _SampledClass(cases, column, groups) for column in columns}
    loss, read = _sums_by_patient(cases, groups, number)
    areas, losses = np.full((draws, len(CLASSES)), np.nan), np.full(draws, np.nan)
    for row, counts in enumerate(_samples(number, draws, seed)):
        for column, sampled in classes.items():
            areas[row, column] = sampled.auc(counts)
        losses[row] = _weighted(counts @ loss, counts @ read)
    return Draws(areas, losses)


class _SampledClass:
    """One class of the cases: its AUC when each patient counts some number of times."""

    def __init__(self, cases: Cases, column: int, groups: npt.NDArray[np.intp]) -> None:
        labels, probabilities, rows = class_values(cases, column)
        self._sorted = SortedClass(labels, probabilities) if enough(labels) else None
        self._groups = groups[rows]

    def auc(self, counts: Numbers) -> float:
        if self._sorted is None:
            return float("nan")
        return self._sorted.auc(counts[self._groups])


def _samples(patients: int, draws: int, seed: int) -> Iterator[Numbers]:
    random = np.random.default_rng(seed)
    for _ in range(draws):
        chosen = random.integers(0, patients, patients)
        yield np.bincount(chosen, minlength=patients).astype(np.float64)


def _groups(patients: tuple[str, ...]) -> tuple[npt.NDArray[np.intp], int]:
    """Return the number of each case's patient, in order of first appearance, and how many."""
    numbers: dict[str, int] = {}
    groups = [numbers.setdefault(patient, len(numbers)) for patient in patients]
    return np.array(groups, np.intp), len(numbers)


def _sums_by_patient(
    cases: Cases, groups: npt.NDArray[np.intp], number: int
) -> tuple[Numbers, Numbers]:
    y, p = cases.labels, np.clip(cases.probabilities, CLIP, 1 - CLIP)
    each = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    loss, read = np.zeros((number, len(CLASSES))), np.zeros((number, len(CLASSES)))
    np.add.at(loss, groups, np.nan_to_num(each, nan=0.0))
    np.add.at(read, groups, (~np.isnan(y)).astype(np.float64))
    return loss, read


def _weighted(loss: Numbers, read: Numbers) -> float:
    known = read > 0
    if not known.any():
        return float("nan")
    weights = np.array(WEIGHTS)[known]
    return float((loss[known] / read[known] * weights).sum() / weights.sum())
