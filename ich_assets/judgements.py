"""The arithmetic of the checks that only warn: asset checks and tables judge by the same rules."""

from collections.abc import Sequence

import numpy as np

from ich_resources.dicom.windows import Window, shows_brain
from ich_resources.errors import StorageError
from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.arrays import read_array
from ich_resources.storage.layout import Layout
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.probability_schemas import PredictionsContent
from ich_resources.storage.processed_schema import ProcessedSlice
from ich_resources.subjects import series_subject

SHORTFALL = 0.2
"""How far P(any) may lie below the largest subtype."""
FOLD_SPREAD = 0.5
"""How far apart the folds of one backbone may lie in P(any)."""


def shortfalls(probabilities: FloatArray) -> FloatArray:
    """Return how far P(any) of each slice lies below its highest subtype.

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        Of the ensemble.

    Returns
    -------
    float32 array, shape (N,)
        Negative where P(any) is above it.
    """
    return np.delete(probabilities, ANY, axis=1).max(1) - probabilities[:, ANY]


def fold_spread(folds: FloatArray) -> float:
    """Return how far apart the folds of one backbone lie in P(any), on the worst slice.

    Parameters
    ----------
    folds : float32 array, shape (F, N, 6)
        Probabilities of each fold.
    """
    return float(np.ptp(folds[..., ANY], axis=0).max())


def disorder(slices: Sequence[ProcessedSlice]) -> tuple[int, int]:
    """Return the steps of a series against z, and the places along its normal taken twice."""
    gaps = np.diff([item.position for item in slices])
    steps = np.diff([item.position_z for item in slices])
    return int((steps < 0).sum()), int((np.abs(gaps) < 1e-3).sum())


def other_windows(slices: Sequence[ProcessedSlice]) -> list[Window]:
    """Return the windows of a series that are not for brain, in HU."""
    return sorted(w for w in {item.window for item in slices} if not shows_brain(w))


def failed_checks(outcome: SeriesOutcome, layout: Layout) -> tuple[str, ...]:
    """Return the names of the checks that a scored series fails, from what is on disk.

    ``precision_holds`` is not among them, since it needs the networks.

    Parameters
    ----------
    outcome : SeriesOutcome
        The series.
    layout : Layout
        Paths below the run root.

    Raises
    ------
    StorageError
        If an array cannot be read.
    """
    processed = outcome.processed
    if processed is None or not outcome.scored:
        return ()
    backwards, doubled = disorder(processed.slices)
    folds = {
        step: record.content.folds
        for step, record in outcome.records.items()
        if isinstance(record.content, PredictionsContent)
    }
    shortfall = shortfalls(_array(layout, outcome, ENSEMBLE)) if ENSEMBLE in outcome.records else 0
    spreads = [fold_spread(_array(layout, outcome, step)) for step in folds]
    found = {
        "slice_order": bool(backwards or doubled),
        "brain_window": bool(other_windows(processed.slices)),
        "plausible_values": bool(processed.remarks),
        "any_covers_subtypes": bool(np.any(shortfall > SHORTFALL)),
        "folds_agree": any(spread > FOLD_SPREAD for spread in spreads),
        "not_trained_on": any(fold.trained_on_study for each in folds.values() for fold in each),
    }
    return tuple(name for name, failed in found.items() if failed)


def _array(layout: Layout, outcome: SeriesOutcome, step: str) -> FloatArray:
    uid = outcome.series.series_instance_uid
    path = layout.array(series_subject(uid), step)
    sha256 = outcome.records[step].sha256(layout.relative(path))
    remedy = "run the series again"
    values: FloatArray = read_array(path, remedy=remedy, sha256=sha256)
    if values.ndim < 2 or len(values) == 0:
        raise StorageError("the array has no probabilities", path=path, series=uid, remedy=remedy)
    return values
