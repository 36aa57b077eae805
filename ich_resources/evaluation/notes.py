"""Sentences that a reader of an evaluation needs beside its numbers."""

from dataclasses import replace

import numpy as np

from ich_resources.errors import IchError
from ich_resources.evaluation.cases import Cases
from ich_resources.evaluation.outcome import Fitted, Options
from ich_resources.evaluation.report import noun
from ich_resources.labels import Labels
from ich_resources.scores import Scores, Weights


def about_training(
    scores: Scores, cases: Cases, options: Options
) -> tuple[Weights, tuple[str, ...]]:
    """Return the networks, and a note where they were trained on studies that are judged here.

    Parameters
    ----------
    scores : Scores
        With the series whose studies the networks have seen.
    cases : Cases
        Those with a label.
    options : Options
        Whether a calibration is to be fitted.

    Raises
    ------
    IchError
        If a calibration is to be fitted on such studies.
    """
    seen = sum(uid in scores.seen for uid in cases.series)
    if not seen:
        return scores.weights, ()
    what = f"{seen} of {len(cases)} labelled {noun(len(cases), cases.level)}"
    if options.fit != "off":
        raise IchError(
            f"the networks were trained on the studies of {what}, and a calibration needs patients "
            "that they have not seen",
            remedy="take labels of other studies, or fit out of fold (ich_evaluate_oof)",
        )
    text = f"{scores.weights.text}; TRAINED ON THE STUDIES OF {what}"
    note = f"The networks were trained on the studies of {what}: on others they will do worse."
    return replace(scores.weights, text=text), (note,)


def about_readers(labels: Labels) -> tuple[str, ...]:
    """Return what became of several readings of one case."""
    notes = []
    if labels.ties:
        notes.append(
            f"Labels left out because their readers are divided equally: {len(labels.ties)}."
        )
    if labels.duplicates:
        notes.append(f"Equal rows of the labels that stand more than once: {labels.duplicates}.")
    agreed = [
        f"{name} {'–' if np.isnan(value) else format(value, '.2f')}"
        for name, value in labels.kappa.items()
    ]
    if agreed:
        notes.append(f"Agreement of the readers (Cohen's kappa): {', '.join(agreed)}.")
    return tuple(notes)


def about_fit(fitted: Fitted | None) -> tuple[str, ...]:
    """Return what a calibration that was not fitted by slice means for slices."""
    if fitted is None or fitted.level == "slice":
        return ()
    return (
        f"The calibration was fitted by {fitted.level}: with it, the highest probability of the "
        f"slices is that of the {fitted.level}, and those of single slices are not calibrated.",
    )
