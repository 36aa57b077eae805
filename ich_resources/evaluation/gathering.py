"""Slices gathered by series and study."""

from dataclasses import dataclass

import numpy as np

from ich_resources.evaluation.cases import Level, Numbers
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.scores import Scores


@dataclass(frozen=True)
class Gathered:
    """The probabilities of one level.

    Attributes
    ----------
    level : {"slice", "series", "study"}
        What one row is.
    ids : tuple of str, N
        ID of the slice, SeriesInstanceUID or StudyInstanceUID.
    probabilities : float64 array, shape (N, 6)
        The highest of each class.
    series, studies : tuple of str, N
        Where the highest P(any) is.
    """

    level: Level
    ids: tuple[str, ...]
    probabilities: Numbers
    series: tuple[str, ...]
    studies: tuple[str, ...]


def gathered(scores: Scores, level: Level) -> Gathered:
    """Return the probabilities of a level: a series or study has the highest of its slices.

    Parameters
    ----------
    scores : Scores
        Probabilities of slices.
    level : {"slice", "series", "study"}
        The level.
    """
    if level == "slice":
        return Gathered(level, scores.slices, scores.probabilities, scores.series, scores.studies)
    names = scores.series if level == "series" else scores.studies
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    groups = list(rows.values())
    top = [group[int(scores.probabilities[group, ANY].argmax())] for group in groups]
    highest = [scores.probabilities[group].max(axis=0) for group in groups]
    return Gathered(
        level,
        tuple(rows),
        np.array(highest).reshape(len(groups), len(CLASSES)),
        tuple(scores.series[row] for row in top),
        tuple(scores.studies[row] for row in top),
    )


def scored_members(scores: Scores, labelled: Level, level: Level) -> dict[str, set[str]]:
    """Return the scored slices or series of each series or study.

    Parameters
    ----------
    scores : Scores
        Probabilities of slices.
    labelled : {"slice", "series"}
        What the members are.
    level : {"series", "study"}
        What they are members of.
    """
    inner = scores.slices if labelled == "slice" else scores.series
    outer = scores.series if level == "series" else scores.studies
    groups: dict[str, set[str]] = {}
    for group, member in zip(outer, inner, strict=True):
        groups.setdefault(group, set()).add(member)
    return groups


def members(scores: Scores, labelled: Level, level: Level) -> dict[str, set[str]]:
    """Return what belongs to each group, scored or not.

    Parameters
    ----------
    scores : Scores
        The scored slices, and ``unscored``.
    labelled : {"slice", "series"}
        What the members are.
    level : {"series", "study"}
        What they are members of.
    """
    groups = scored_members(scores, labelled, level)
    for item in scores.unscored:
        group = item.series if level == "series" else item.study
        member = item.slice_id if labelled == "slice" else item.series
        if group and member:
            groups.setdefault(group, set()).add(member)
    return groups
