"""Labels and probabilities brought together. Nothing is matched, or left out, in silence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ich_resources.errors import IchError
from ich_resources.evaluation.cases import Cases, Level, Numbers, label_of_group
from ich_resources.evaluation.gathering import Gathered, gathered, members, scored_members
from ich_resources.evaluation.unpaired import Unpaired, without_label, without_prediction
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Labels
from ich_resources.scores import Scores
from ich_resources.uids import slice_stem


@dataclass(frozen=True)
class Pairs:
    """Labels with their probabilities.

    Attributes
    ----------
    levels : tuple of Cases
        The level of the labels, then those above it that differ from it.
    unpaired : tuple of Unpaired
        Labels without a probability first.
    asked : mapping of str to int
        Number of labelled slices, series or studies by level, with and without probabilities.
    patients_from : {"labels", "studies"}
        Whether the file of labels names patients, or each study counts as one.
    subgroups : mapping of str to mapping
        For each further column of the labels, the value by case of the level of the labels.
    """

    levels: tuple[Cases, ...]
    unpaired: tuple[Unpaired, ...]
    asked: Mapping[str, int]
    patients_from: str
    subgroups: Mapping[str, Mapping[str, str]]

    def level(self, name: Level) -> Cases:
        """Return the cases of a level.

        Raises
        ------
        IchError
            If the labels do not give it.
        """
        for cases in self.levels:
            if cases.level == name:
                return cases
        known = ", ".join(cases.level for cases in self.levels)
        raise IchError(
            f"the labels cannot be judged by {name}",
            remedy=f"set resources.evaluation.level to auto or one of: {known}",
        )


def pair(scores: Scores, labels: Labels) -> Pairs:
    """Bring labels and probabilities together.

    Parameters
    ----------
    scores : Scores
        Probabilities of slices.
    labels : Labels
        Of slices, series or studies.

    Raises
    ------
    IchError
        If two labels name one slice, a study has two patients, or nothing can be paired.
    """
    values = _by_id(labels)
    bottom = gathered(scores, labels.level)
    paired = [row for row, name in enumerate(bottom.ids) if name in values]
    if not paired:
        raise IchError(
            f"none of the {len(values)} labels is of a {labels.level} with probabilities",
            remedy="check that LABELS and RUN_ROOT belong together, and that the labels have the "
            "identifiers of the DICOM files",
        )
    patients = _patients(scores, labels)
    first = _cases(bottom, paired, values, patients)
    levels = [first]
    for above in _above(labels.level):
        levels.append(_raised(scores, levels[-1], above, values, labels.level, patients))
    unpaired = [
        *without_prediction(scores, labels.level, values, set(first.ids)),
        *without_label(bottom.level, bottom.ids, values),
    ]
    levels_kept = [cases for cases in levels if len(cases)]
    if len(levels_kept) > 1 and levels_kept[-1].studies == levels_kept[-2].studies:
        levels_kept.pop()  # each study is one series
    return Pairs(
        tuple(levels_kept),
        tuple(unpaired),
        _asked(scores, labels.level, values),
        "labels" if labels.patients else "studies",
        _by_case(labels),
    )


def _key(level: Level, identifier: str) -> str:
    return slice_stem(identifier) if level == "slice" else identifier


def _by_id(labels: Labels) -> dict[str, Numbers]:
    values: dict[str, Numbers] = {}
    for identifier, row in zip(labels.ids, labels.values.astype(np.float64), strict=True):
        key = _key(labels.level, identifier)
        if key in values and not np.array_equal(values[key], row, equal_nan=True):
            raise IchError(
                f"two labels of the {labels.level} {key} contradict each other",
                remedy="correct the file of labels",
            )
        values[key] = row
    return values


def _by_case(labels: Labels) -> dict[str, dict[str, str]]:
    return {
        column: {_key(labels.level, name): value for name, value in values.items()}
        for column, values in labels.subgroups.items()
    }


def _cases(
    found: Gathered,
    rows: Sequence[int],
    values: Mapping[str, Numbers],
    patients: Mapping[str, str],
) -> Cases:
    studies = tuple(found.studies[row] for row in rows)
    ids = tuple(found.ids[row] for row in rows)
    return Cases(
        found.level,
        ids,
        np.array([values[name] for name in ids]).reshape(len(ids), len(CLASSES)),
        found.probabilities[list(rows)],
        tuple(patients[study] for study in studies),
        tuple(found.series[row] for row in rows),
        studies,
    )


def _above(level: Level) -> tuple[Level, ...]:
    order: tuple[Level, ...] = ("slice", "series", "study")
    return order[order.index(level) + 1 :]


def _raised(
    scores: Scores,
    below: Cases,
    level: Level,
    values: Mapping[str, Numbers],
    labelled: Level,
    patients: Mapping[str, str],
) -> Cases:
    """Return the cases of the level above: a bleed anywhere in the group is one of the group."""
    found = gathered(scores, level)
    inside = members(scores, labelled, level)
    scored = scored_members(scores, labelled, level)
    raised = {}
    for name in found.ids:
        known = [values[member] for member in inside.get(name, ()) if member in values]
        if known:
            whole = all(member in values for member in scored[name])
            raised[name] = label_of_group(np.array(known), whole=whole)
    rows = [
        row
        for row, name in enumerate(found.ids)
        if name in raised and not np.isnan(raised[name]).all()
    ]
    return _cases(found, rows, raised, patients)


def _patients(scores: Scores, labels: Labels) -> dict[str, str]:
    """Return the patient of each study: that of the labels, else the study itself.

    Raises
    ------
    IchError
        If a study has two.
    """
    studies = _study_of(scores, labels.level)
    found: dict[str, str] = {}
    for identifier, patient in labels.patients.items():
        study = studies.get(_key(labels.level, identifier))
        if study is None or not patient:
            continue
        if found.setdefault(study, patient) != patient:
            raise IchError(
                f"the labels name two patients for the study {study}",
                remedy="correct the column patient in the file of labels",
            )
    # A patient of the file and a study without one must not share a name.
    named = {study: f"patient {patient}" for study, patient in found.items()}
    return {study: named.get(study, f"study {study}") for study in set(studies.values())}


def _study_of(scores: Scores, level: Level) -> dict[str, str]:
    names = {"slice": scores.slices, "series": scores.series, "study": scores.studies}[level]
    return dict(zip(names, scores.studies, strict=True))


def _asked(scores: Scores, level: Level, values: Iterable[str]) -> dict[str, int]:
    asked: dict[str, int] = {level: len(set(values))}
    for above in _above(level):
        inside = members(scores, level, above)
        named = set(values)
        asked[above] = sum(bool(group & named) for group in inside.values())
    return asked
