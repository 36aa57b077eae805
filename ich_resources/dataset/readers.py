"""Several readers of the same images: the majority, ties, and Cohen's kappa."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import ANY, CLASSES

FloatArray = npt.NDArray[np.float32]


class Majority(NamedTuple):
    """The labels that most readers gave.

    Attributes
    ----------
    values : float32 array, shape (n, 6)
        0, 1, or NaN where no reader gave a label, or as many said 0 as 1.
    ties : tuple of (int, int)
        Row and class of each label that is left out because of a tie.
    """

    values: FloatArray
    ties: tuple[tuple[int, int], ...]


def with_any(values: FloatArray) -> FloatArray:
    """Return labels in which ``any`` is 1 where it was not read and a subtype is 1.

    Parameters
    ----------
    values : float32 array, shape (n, 6)
        0, 1, or NaN.

    Returns
    -------
    float32 array, shape (n, 6)
        A copy.
    """
    filled = values.copy()
    bleeds = (np.delete(values, ANY, axis=1) == 1).any(axis=1)
    filled[np.isnan(values[:, ANY]) & bleeds, ANY] = 1
    return filled


def majority(reads: FloatArray) -> Majority:
    """Return the label of most readers for each row and class.

    Parameters
    ----------
    reads : float32 array, shape (readers, n, 6)
        0, 1, or NaN where a reader gave no label.
    """
    ones, zeros = (reads == 1).sum(axis=0), (reads == 0).sum(axis=0)
    values = np.where(ones > zeros, 1, np.where(zeros > ones, 0, np.nan)).astype(np.float32)
    tied = np.argwhere((ones == zeros) & (ones > 0)).tolist()
    return Majority(values, tuple((row, number) for row, number in tied))


def cohens_kappa(first: FloatArray, second: FloatArray) -> float:
    """Return the agreement of two readers beyond chance, NaN where it is not defined.

    Parameters
    ----------
    first, second : float32 array, shape (n,)
        0, 1, or NaN. Rows that one of them did not read are left out.

    Notes
    -----
    (p_o - p_e) / (1 - p_e); p_o is the share of equal labels, p_e the share that two independent
    readers with the same shares of 1 would have. It is not defined where both gave one same label
    throughout.
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    if not both.any():
        return float("nan")
    a, b = first[both].astype(np.float64), second[both].astype(np.float64)
    equal = float((a == b).mean())
    by_chance = float(a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))
    return (equal - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


def agreement(reads: FloatArray) -> dict[str, float]:
    """Return Cohen's kappa of each class, the mean over all pairs of readers.

    Parameters
    ----------
    reads : float32 array, shape (readers, n, 6)
        0, 1, or NaN where a reader gave no label.
    """
    kappa = {}
    for number, name in enumerate(CLASSES):
        pairs = [cohens_kappa(a, b) for a, b in combinations(reads[:, :, number], 2)]
        known = [value for value in pairs if not np.isnan(value)]
        kappa[name] = float(np.mean(known)) if known else float("nan")
    return kappa


def stacked(
    rows: Sequence[Mapping[str, int]], values: FloatArray, readers: Sequence[str]
) -> FloatArray:
    """Return the labels of each reader for each identifier.

    Parameters
    ----------
    rows : sequence of mapping of str to int
        For each identifier, the row of each reader's label.
    values : float32 array, shape (rows, 6)
        The labels.
    readers : sequence of str
        The readers, in the order of the first axis.

    Returns
    -------
    float32 array, shape (readers, n, 6)
        NaN where a reader has no row.
    """
    reads = np.full((len(readers), len(rows), len(CLASSES)), np.nan, np.float32)
    for column, found in enumerate(rows):
        for number, reader in enumerate(readers):
            if reader in found:
                reads[number, column] = values[found[reader]]
    return reads
