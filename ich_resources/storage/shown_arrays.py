"""The probabilities that tables and pages show, read from the arrays of the steps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ich_resources.errors import StorageError
from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.arrays import read_array
from ich_resources.storage.layout import Layout
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.probability_schemas import EnsembleContent
from ich_resources.storage.processed_schema import ProcessedSlice
from ich_resources.storage.record import content_as
from ich_resources.storage.records import Records
from ich_resources.storage.shown import shown_step
from ich_resources.subjects import series_subject

REMEDY = "delete the folder state/series/<series> and run the batch again"


def shown_probabilities(
    layout: Layout, outcomes: Sequence[SeriesOutcome]
) -> dict[str, FloatArray | None]:
    """Return the probabilities that tables and pages show, by SeriesInstanceUID.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    outcomes : sequence of SeriesOutcome
        One per series.

    Returns
    -------
    dict of str to float32 array, shape (N, 6), or None
        None for a series without any.

    Raises
    ------
    StorageError
        If an array is damaged, or another process has made it again meanwhile.
    """
    return {o.series.series_instance_uid: shown_of(layout, o) for o in outcomes}


def shown_of(layout: Layout, outcome: SeriesOutcome, step: str = "") -> FloatArray | None:
    """Return the probabilities of a series that the tables show, or those of one step.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    outcome : SeriesOutcome
        The series.
    step : str
        Another step than the one whose probabilities are shown.

    Returns
    -------
    float32 array, shape (N, 6), or None
        None for a series without any.

    Raises
    ------
    StorageError
        If another process has made them again meanwhile.
    """
    if outcome.scored == 0:
        return None
    uid, step = outcome.series.series_instance_uid, step or shown_step(outcome.records)
    subject = series_subject(uid)
    record = content_as(outcome.records[step], EnsembleContent)
    path = record.content.shown(layout, subject, step)
    sha256 = record.sha256(path.relative_to(layout.run_root).as_posix())
    probabilities = read_array(path, remedy=REMEDY, sha256=sha256)
    if Records(layout).find(subject, step) != outcome.records[step]:
        raise StorageError(
            "another process scored the series again while the tables were written",
            series=uid,
            remedy="materialise run_outputs again",
        )
    _require_probabilities(probabilities, len(processed_slices(outcome)), path)
    return probabilities


def _require_probabilities(values: FloatArray, slices: int, path: Path) -> None:
    """Check that an array has a probability for each slice and class.

    Raises
    ------
    StorageError
        If it has not.
    """
    shaped = values.dtype == np.float32 and values.shape == (slices, len(CLASSES))
    if not shaped or not ((values >= 0) & (values <= 1)).all():
        raise StorageError(
            f"the array is not {slices} x {len(CLASSES)} probabilities", path=path, remedy=REMEDY
        )


def processed_slices(outcome: SeriesOutcome) -> tuple[ProcessedSlice, ...]:
    """Return the processed slices of a series, in order; none where it has not been processed."""
    processed = outcome.processed
    return () if processed is None else processed.slices
