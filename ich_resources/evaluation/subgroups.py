"""How good the networks are in parts of the cases: by kernel, tilt, distance, own columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ich_resources.evaluation.cases import Cases, class_values
from ich_resources.evaluation.intervals import Interval
from ich_resources.evaluation.judging import judge_class
from ich_resources.hemorrhage import ANY

FEW = 10
"""A subgroup with fewer positives is shown as such."""
MOST_VALUES = 20
"""A column with more values, such as a number of each case, is not a subgroup."""

PERSONAL = ("patient", "name", "birth")
"""A column with such a word in its name is not shown."""


@dataclass(frozen=True)
class Subgroup:
    """The class ``any`` in some of the cases.

    Attributes
    ----------
    column, value : str
        Property and its value; foreign text.
    cases, positives, patients : int
        Those whose ``any`` was read.
    auc : float or None
        None where there are too few cases.
    interval : Interval or None
        As for all cases.
    remark : str
        ``fewer than 10 positives`` where that is so.
    """

    column: str
    value: str
    cases: int
    positives: int
    patients: int
    auc: float | None
    interval: Interval | None
    remark: str


def judge_subgroups(
    cases: Cases,
    by_series: Mapping[str, Mapping[str, str]],
    by_case: Mapping[str, Mapping[str, str]],
    *,
    draws: int,
    seed: int,
) -> tuple[tuple[Subgroup, ...], tuple[str, ...]]:
    """Judge each value of each column.

    Parameters
    ----------
    cases : Cases
        Of one level.
    by_series : mapping of str to mapping
        For each property of a series its value, by SeriesInstanceUID.
    by_case : mapping of str to mapping
        For each column of the labels its value, by the ID of a case.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    subgroups : tuple of Subgroup
        In the order of columns and values.
    notes : tuple of str
        Columns that are not judged, a sentence each.
    """
    found: list[Subgroup] = []
    notes: list[str] = []
    columns = {
        name: [values.get(s, "") for s in cases.series] for name, values in by_series.items()
    }
    columns |= {name: [values.get(i, "") for i in cases.ids] for name, values in by_case.items()}
    for column, values in columns.items():
        distinct = sorted(set(values) - {""})
        if any(word in column.lower() for word in PERSONAL):
            notes.append(
                f"The column {column!r} is not judged: its name says that it is of persons."
            )
            continue
        named = sum(value != "" for value in values)
        if len(distinct) > MOST_VALUES or 1 < named == len(distinct):
            notes.append(
                f"The column {column!r} is not judged: subgroups are made of at most {MOST_VALUES} "
                f"values, each of several cases; it has {len(distinct)} values."
            )
            continue
        chosen = np.array(values, dtype=object)
        found += [
            _judge(cases.where(chosen == value), (column, value), draws, seed) for value in distinct
        ]
    return tuple(found), tuple(notes)


def _judge(cases: Cases, name: tuple[str, str], draws: int, seed: int) -> Subgroup:
    labels, _, rows = class_values(cases, ANY)
    positives = int(labels.sum())
    result = judge_class(cases, ANY, draws=draws, seed=seed)
    few = f"fewer than {FEW} positives" if positives < FEW else ""
    return Subgroup(
        *name,
        len(labels),
        positives,
        len({cases.patients[row] for row in rows.tolist()}),
        result.auc,
        result.interval,
        "; ".join(filter(None, [few, result.remark])),
    )
