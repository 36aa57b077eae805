"""The tables and the report below ``output`` and ``processed``, written from valid records."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import CLASSES
from ich_resources.steps import ENSEMBLE, SALIENCY
from ich_resources.storage.files import read_checked, remove, write_bytes, write_json
from ich_resources.storage.layout import SCORES, Layout
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.prediction_tables import per_class_table, per_slice_table
from ich_resources.storage.record import content_as
from ich_resources.storage.saliency_schema import SaliencyContent
from ich_resources.storage.shown import probabilities_from
from ich_resources.storage.shown_arrays import REMEDY, processed_slices, shown_of
from ich_resources.storage.slice_tables import (
    META_COLUMNS,
    SERIES_COLUMNS,
    SLICES_COLUMNS,
    csv_bytes,
    scored_slices,
    series_table,
    standard_table,
    study_table,
)
from ich_resources.uids import ALL_SCORES, RUN_MANIFEST


def write_slice_tables(
    layout: Layout,
    outcomes: Sequence[SeriesOutcome],
    shown: Mapping[str, FloatArray | None],
) -> pd.DataFrame:
    """Write ``predictions*.csv`` by slice and ``slices.csv``; return the table per slice.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    outcomes : sequence of SeriesOutcome
        One per series.
    shown : mapping of str to float32 array, shape (N, 6), or None
        From ``shown_probabilities``.
    """
    scored = [(o, shown[o.series.series_instance_uid]) for o in outcomes]
    found = [(outcome, values) for outcome, values in scored if values is not None]
    sop_uids = [uid for outcome, _ in found for uid in _sop_uids(outcome)]
    nothing = np.empty((0, len(CLASSES)), np.float32)
    per_slice = per_slice_table(sop_uids, np.concatenate([nothing, *(v for _, v in found)]))
    write_bytes(layout.output / "predictions.csv", csv_bytes(per_class_table(per_slice)))
    write_bytes(layout.output / "predictions_per_slice.csv", csv_bytes(per_slice))
    slices = [scored_slices(o.series, processed_slices(o), values) for o, values in found]
    table = pd.concat(slices) if slices else pd.DataFrame(columns=list(SLICES_COLUMNS))
    write_bytes(layout.output / "slices.csv", csv_bytes(table))
    _write_ensemble(layout, [outcome for outcome, _ in found])
    return per_slice


def _write_ensemble(layout: Layout, scored: Sequence[SeriesOutcome]) -> None:
    """Write ``predictions_2d_per_slice.csv`` where other tables show sequence models."""
    path = layout.output / "predictions_2d_per_slice.csv"
    if probabilities_from(scored) == "ensemble":
        remove([path])
        return
    found = [(_sop_uids(one), shown_of(layout, one, ENSEMBLE)) for one in scored]
    sop_uids = [uid for uids, _ in found for uid in uids]
    values = [array for _, array in found if array is not None]
    write_bytes(path, csv_bytes(per_slice_table(sop_uids, np.concatenate(values))))


def write_saliency_tables(layout: Layout, outcomes: Sequence[SeriesOutcome]) -> None:
    """Write ``run_manifest.json`` and ``all_slice_saliency_scores.csv``."""
    finished = [o for o in outcomes if o.state in ("done", "incomplete")]
    entries = [content_as(o.records[SALIENCY], SaliencyContent).content.entry for o in finished]
    tables = [_scores(layout, outcome) for outcome in finished]
    write_json(layout.panels / RUN_MANIFEST, entries)
    write_bytes(layout.panels / ALL_SCORES, _joined(tables))


def _scores(layout: Layout, outcome: SeriesOutcome) -> bytes:
    path = layout.series_panels(outcome.series.series_instance_uid) / SCORES
    sha256 = outcome.records[SALIENCY].sha256(path.relative_to(layout.run_root).as_posix())
    return read_checked(path, sha256, remedy=REMEDY)


def _joined(tables: Sequence[bytes]) -> bytes:
    """Return CSV tables as one, cell by cell as text: no number is rounded or changed."""
    parts = [table.partition(b"\n") for table in tables]
    headers = {header for header, _, _ in parts}
    if len(headers) == 1:  # joining texts takes a tenth of the time
        return headers.pop() + b"\n" + b"".join(rows for _, _, rows in parts)
    frames = [pd.read_csv(io.BytesIO(t), dtype=str, keep_default_na=False) for t in tables]
    return csv_bytes(pd.concat(frames) if frames else pd.DataFrame({"series_id": []}))


def write_processed_tables(
    layout: Layout, outcomes: Sequence[SeriesOutcome], *, group_by: str
) -> None:
    """Write the tables of processed slices by series, by study and over all.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    outcomes : sequence of SeriesOutcome
        All series. Those without ``processed`` only count in the summary.
    group_by : {"series", "study"}
        What ``slice_id`` numbers in ``test_meta_id_seriser.csv``.
    """
    processed = [o for o in outcomes if o.processed is not None]
    tables = [_series_table(outcome) for outcome in processed]
    for outcome, table in zip(processed, tables, strict=True):
        write_bytes(layout.series_csv(outcome.series.series_instance_uid), csv_bytes(table))
    by_study: dict[str, list[pd.DataFrame]] = {}
    for outcome, table in zip(processed, tables, strict=True):
        by_study.setdefault(outcome.series.study_instance_uid, []).append(table)
    studies = {uid: study_table(group) for uid, group in by_study.items()}
    for uid, table in studies.items():
        write_bytes(layout.study_csv(uid), csv_bytes(table))
    numbered = list(studies.values()) if group_by == "study" else tables
    everything = pd.concat(numbered) if numbered else pd.DataFrame(columns=list(SERIES_COLUMNS))
    names = sorted(everything["filename"])
    write_bytes(layout.csv / "test_meta_id_seriser.csv", csv_bytes(everything[list(META_COLUMNS)]))
    write_bytes(layout.csv / "standard_test.csv", csv_bytes(standard_table(names)))
    summary = {
        "group_by": group_by,
        "num_slices": len(names),
        "num_series": len(processed),
        "num_studies": len(studies),
        "slices_refused": sum(o.count("refused") for o in outcomes),
        "slices_failed": sum(o.count("failed") for o in outcomes),
    }
    write_json(layout.csv / "summary.json", summary)


def write_report(layout: Layout, report: Mapping[str, Any]) -> Path:
    """Write ``run_report.json``; return its path."""
    path = layout.output / "run_report.json"
    write_json(path, report)
    return path


def _sop_uids(outcome: SeriesOutcome) -> list[str]:
    return [item.sop_instance_uid for item in processed_slices(outcome)]


def _series_table(outcome: SeriesOutcome) -> pd.DataFrame:
    """Return the slices of one series, with their current paths: the folder may have moved."""
    paths = {s.sop_instance_uid: s.path for s in outcome.series.slices if s.judgement is None}
    slices = [
        item.model_copy(update={"path": paths[item.sop_instance_uid]})
        for item in processed_slices(outcome)
    ]
    return series_table(outcome.series, slices)
