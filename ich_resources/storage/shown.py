"""Whose probabilities the tables show: those of the ensemble, or of the sequence models."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ich_resources.judged import Checkpoints
from ich_resources.steps import ENSEMBLE, SALIENCY, SEQUENCE
from ich_resources.storage.content import Content
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.probability_schemas import (
    EnsembleContent,
    PredictionsContent,
    SequenceContent,
)
from ich_resources.storage.record import Record
from ich_resources.storage.saliency_schema import SaliencyContent


@dataclass(frozen=True)
class ScoredBy:
    """What gave the probabilities of a series.

    Attributes
    ----------
    checkpoints : mapping of str to tuple of str
        SHA-256 of each fold in order, by backbone.
    calibration : str or None
        ``judged.Calibration.sha256`` of the calibration that was applied.
    sequence : tuple of str
        SHA-256 of each sequence model in order; empty where the ensemble is shown.
    """

    checkpoints: Checkpoints
    calibration: str | None
    sequence: tuple[str, ...] = ()


def networks_behind(records: Mapping[str, Record[Content]]) -> ScoredBy | None:
    """Return what gave the probabilities that are shown; None where there are none."""
    shown = shown_content(records)
    if shown is None:
        return None
    contents = [record.content for record in records.values()]
    checkpoints = {
        content.backbone: tuple(fold.digest for fold in content.folds)
        for content in contents
        if isinstance(content, PredictionsContent)
    }
    return ScoredBy(checkpoints, shown.calibration, shown_models(records))


def shown_step(records: Mapping[str, Record[Content]]) -> str:
    """Return the step whose probabilities the panels of a series show, and so its rows.

    Parameters
    ----------
    records : mapping of str to Record
        The valid records of a series, by step.
    """
    panels = records.get(SALIENCY)
    if panels is not None and isinstance(panels.content, SaliencyContent):
        return panels.content.shown_step
    return SEQUENCE if SEQUENCE in records else ENSEMBLE


def shown_content(records: Mapping[str, Record[Content]]) -> EnsembleContent | None:
    """Return what made these probabilities; None where there are none."""
    record = records.get(shown_step(records))
    found = None if record is None else record.content
    return found if isinstance(found, EnsembleContent) else None


def shown_models(records: Mapping[str, Record[Content]]) -> tuple[str, ...]:
    """Return the SHA-256 of the sequence checkpoints behind them; empty for the ensemble."""
    content = shown_content(records)
    return tuple(m.digest for m in content.models) if isinstance(content, SequenceContent) else ()


def probabilities_from(outcomes: Iterable[SeriesOutcome]) -> str:
    """Return whose probabilities the rows of some series are.

    Parameters
    ----------
    outcomes : iterable of SeriesOutcome
        The series; those without rows do not count.

    Returns
    -------
    str
        ``ensemble``, ``sequence``, or ``ensemble, sequence`` where series differ.
    """
    steps = {shown_step(outcome.records) for outcome in outcomes if outcome.scored}
    names = [
        name for name, step in (("ensemble", ENSEMBLE), ("sequence", SEQUENCE)) if step in steps
    ]
    return ", ".join(names) or "ensemble"
