"""Which networks the probabilities of a run root come from, and which studies they have seen."""

from collections.abc import Iterable

from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import StorageError
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series
from ich_resources.storage.probability_schemas import PredictionsContent
from ich_resources.storage.records import Records
from ich_resources.storage.shown import ScoredBy, networks_behind
from ich_resources.subjects import series_subject


def scored_by(layout: Layout, series_uids: Iterable[str]) -> ScoredBy:
    """Return the checkpoints and the calibration behind some series, from their records.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    series_uids : iterable of str
        SeriesInstanceUIDs; at least one.

    Raises
    ------
    StorageError
        If a series was not found or has no valid record, or two were scored by other networks.
    """
    records = Records(layout)
    first: ScoredBy | None = None
    remedy = "run ich_batch again with the same checkpoints for every series"
    for uid in sorted(set(series_uids)):
        found = _of_series(layout, records, uid)
        if found is None:
            raise StorageError("the series has no valid record", series=uid, remedy=remedy)
        if first is not None and found != first:
            raise StorageError(
                "the series was scored by other checkpoints, or with another calibration, than the "
                "series before it",
                series=uid,
                remedy=remedy,
            )
        first = found
    if first is None:
        raise StorageError("no series was scored", path=layout.run_root, remedy=remedy)
    return first


def seen_in_training(layout: Layout, series_uids: Iterable[str]) -> frozenset[str]:
    """Return those of some series whose study one of their networks was trained on.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    series_uids : iterable of str
        SeriesInstanceUIDs. A series without records is not among the result: nothing is known.

    Raises
    ------
    FormatError
        If a newer version of ich wrote a record.
    """
    records = Records(layout)

    def seen(uid: str) -> bool:
        found = (
            records.find_as(series_subject(uid), backbone.predictions_step, PredictionsContent)
            for backbone in BACKBONES.values()
        )
        return any(
            fold.trained_on_study for record in found if record for fold in record.content.folds
        )

    return frozenset(filter(seen, set(series_uids)))


def _of_series(layout: Layout, records: Records, uid: str) -> ScoredBy | None:
    return networks_behind(outcome_on_disk(found_series(layout, uid), records).records)
