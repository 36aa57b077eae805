"""Which subtypes come together, and whether the most probable subtype is the labelled one."""

from dataclasses import dataclass

import numpy as np

from ich_resources.evaluation.cases import Cases
from ich_resources.evaluation.intervals import Share, wilson
from ich_resources.hemorrhage import ANY, CLASSES

SUBTYPES = tuple(name for index, name in enumerate(CLASSES) if index != ANY)
_COLUMNS = [CLASSES.index(name) for name in SUBTYPES]


@dataclass(frozen=True)
class Subtypes:
    """Counts of cases by subtype.

    Attributes
    ----------
    together : tuple of tuple of int, 5 x 5
        Cases with both labels; on the diagonal those with the one.
    first : tuple of tuple of int, 5 x 5
        Rows: labelled subtype; columns: the subtype with the highest probability. A case with
        several labels counts in each of their rows.
    hits : Share
        Of the cases with a labelled subtype: those whose most probable subtype is labelled.
    """

    together: tuple[tuple[int, ...], ...]
    first: tuple[tuple[int, ...], ...]
    hits: Share


def count_subtypes(cases: Cases) -> Subtypes:
    """Return the counts of the cases.

    Parameters
    ----------
    cases : Cases
        Of one level. A subtype that was not read does not count.
    """
    labelled = cases.labels[:, _COLUMNS] == 1
    top = cases.probabilities[:, _COLUMNS].argmax(axis=1)
    chosen = np.eye(len(SUBTYPES), dtype=bool)[top]
    bleeding = labelled.any(axis=1)
    right = (labelled & chosen).any(axis=1)
    counts = labelled.astype(np.int64)
    return Subtypes(
        _rows(counts.T @ counts),
        _rows(counts.T @ chosen.astype(np.int64)),
        wilson(int(right.sum()), int(bleeding.sum())),
    )


def _rows(matrix: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(value) for value in row) for row in matrix)
