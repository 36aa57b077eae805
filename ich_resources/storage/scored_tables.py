"""The tables of a run root as an evaluation reads them: probabilities, and what was not scored."""

from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from ich_resources.errors import StorageError
from ich_resources.hemorrhage import CLASSES
from ich_resources.scores import Scores, Unscored, Weights
from ich_resources.storage.layout import Layout
from ich_resources.storage.scored_facts import series_facts
from ich_resources.storage.scored_networks import seen_in_training
from ich_resources.uids import ALL_SCORES, is_uid, slice_stem

_REMEDY = "run ich_batch on this run root, or materialise run_outputs"


def read_scores(layout: Layout) -> Scores:
    """Read the probabilities of a run root from its tables, as people see them.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.

    Raises
    ------
    StorageError
        If a table is missing or damaged, or the tables do not fit each other.
    """
    path = layout.output / "predictions_per_slice.csv"
    slices = _table(path, ["ID", "filename", *CLASSES])
    meta = _table(
        layout.csv / "test_meta_id_seriser.csv",
        ["filename", "StudyInstance", "SeriesInstance", "Position2"],
    )
    series = _table(layout.output / "predictions_per_series.csv", ["series_id", "checkpoints"])
    ledger = _table(
        layout.output / "series_ledger.csv",
        ["series_id", "study_id", "state", "reasons", "remarks", "failure"],
    )
    places = slices[["filename"]].merge(meta, on="filename", how="left")
    if places["SeriesInstance"].isna().any() or len(places) != len(slices):
        raise StorageError(
            "the tables of predictions and of slices do not fit each other",
            path=path,
            remedy="materialise run_outputs again",
        )
    names = tuple(places["SeriesInstance"])
    try:
        return Scores(
            tuple(slices["ID"]),
            names,
            tuple(places["StudyInstance"]),
            slices[list(CLASSES)].to_numpy().astype(np.float64),
            _weights(series, set(names), sequence=_of_sequence(layout)),
            _unscored(layout, ledger),
            series_facts(layout, ledger[ledger["series_id"].isin(names)], meta),
            _panels(layout),
            seen=seen_in_training(layout, names),
        )
    except ValueError as err:
        raise StorageError(f"the table is damaged: {err}", path=path, remedy=_REMEDY) from err


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError as err:
        raise StorageError("there are no tables yet", path=path, remedy=_REMEDY) from err
    except (OSError, ValueError) as err:
        raise StorageError("the table cannot be read", path=path, remedy=_REMEDY) from err
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise StorageError(f"the table lacks the column {missing[0]}", path=path, remedy=_REMEDY)
    return table


def _rows(table: pd.DataFrame) -> list[dict[str, str]]:
    return cast("list[dict[str, str]]", table.to_dict("records"))


def _of_sequence(layout: Layout) -> bool:
    """Return whether the tables show sequence models: those of the ensemble then stand apart."""
    return (layout.output / "predictions_2d_per_slice.csv").is_file()


def _weights(series: pd.DataFrame, scored: set[str], *, sequence: bool) -> Weights:
    rows = series[series["series_id"].isin(scored)]
    sets = sorted(set(rows["checkpoints"]))
    text = " + ".join(_networks(files) for files in sets[:1]) or "not recorded"
    if len(sets) > 1:
        text = f"{len(sets)} different sets of checkpoints"
    if sequence:
        text += "; sequence models"
    calibrated = _values(rows, "calibration")
    if calibrated:
        text += f"; calibrated ({' '.join(sorted(calibrated))})"
    worth = _values(rows, "trained_on")
    if "nothing" in worth or any("True" in v.split() for v in _values(rows, "untrained_weights")):
        return Weights(text, "nothing")
    return Weights(text, "phantoms" if "phantoms" in worth else "patients")


def _networks(files: str) -> str:
    """Return ``DenseNet121_change_avg x5 + ...`` from the column ``checkpoints``."""
    counts: dict[str, int] = {}
    for file in files.split():
        backbone = file.partition("/")[0]
        counts[backbone] = counts.get(backbone, 0) + 1
    return " + ".join(f"{name} x{number}" for name, number in counts.items())


def _values(rows: pd.DataFrame, column: str) -> set[str]:
    return set(rows[column]) - {""} if column in rows.columns else set()


def _unscored(layout: Layout, ledger: pd.DataFrame) -> tuple[Unscored, ...]:
    studies = dict(zip(ledger["series_id"], ledger["study_id"], strict=True))
    files = _table(
        layout.output / "slices_not_scored.csv",
        ["series_id", "sop_instance_uid", "code", "reason"],
    )
    found = [
        Unscored(
            slice_stem(row["sop_instance_uid"]) if row["sop_instance_uid"] else "",
            row["series_id"],
            studies.get(row["series_id"], ""),
            row["code"],
            row["reason"],
        )
        for row in _rows(files)
        if row["sop_instance_uid"]
    ]
    for row in _rows(ledger):
        if row["state"] in ("refused", "failed", "waiting"):
            code = _codes(row["reasons"]) or row["state"].upper()
            reason = row["failure"] or f"the series is {row['state']}"
            found.append(Unscored("", row["series_id"], row["study_id"], code, reason))
    return tuple(found)


def _codes(reasons: str) -> str:
    """Return the codes of ``LOCALIZER x2, NO_PIXELS`` without their counts."""
    return " ".join(part.split(" ")[0] for part in reasons.split(", "))


def _panels(layout: Layout) -> dict[str, str]:
    path = layout.panels / ALL_SCORES
    if not path.is_file() or path.stat().st_size < 16:
        return {}
    table = _table(path, ["series_id"])
    if not {"filename", "saved_png"}.issubset(table.columns):
        return {}
    return {
        row["filename"].removesuffix(".png"): layout.relative(
            layout.series_panels(row["series_id"]) / row["saved_png"]
        )
        for row in _rows(table)
        if is_uid(row["series_id"]) and Path(row["saved_png"]).name == row["saved_png"]
    }
