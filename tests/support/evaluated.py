"""A run root with the tables that an evaluation reads, and labels, without any network."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ich_resources.hemorrhage import CLASSES

CHECKPOINTS = " ".join(
    f"{name}/model_epoch_best_{fold}.pth:{fold}{'a' * 11}"
    for name in ("DenseNet121_change_avg", "se_resnext101_32x4d")
    for fold in range(5)
)


@dataclass
class MadeSeries:
    """One series of the made run root."""

    series: str
    study: str
    slices: list[str] = field(default_factory=list)
    probabilities: list[Sequence[float]] = field(default_factory=list)
    state: str = "done"
    reasons: str = ""
    remarks: str = ""
    failure: str = ""
    distance: float = 5.0
    not_scored: list[tuple[str, str]] = field(default_factory=list)
    """SOPInstanceUID and code."""


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_run_root(root: Path, series: Sequence[MadeSeries], untrained: str = "False") -> None:
    """Write the tables of a run root as run_outputs does, as far as an evaluation reads them."""
    output = root / "output"
    scored = [s for s in series if s.slices]
    rows = sorted(
        [f"ID_{uid}", f"ID_{uid}.png", *p]
        for s in scored
        for uid, p in zip(s.slices, s.probabilities, strict=True)
    )
    _write(output / "predictions_per_slice.csv", ["ID", "filename", *CLASSES], rows)
    _write(
        root / "processed" / "csv" / "test_meta_id_seriser.csv",
        ["filename", "StudyInstance", "SeriesInstance", "Position2", "slice_id"],
        [
            [f"ID_{uid}.png", s.study, s.series, i * s.distance, f"{s.series}_{i}"]
            for s in scored
            for i, uid in enumerate(s.slices)
        ],
    )
    _write(
        output / "predictions_per_series.csv",
        ["rank", "series_id", "state", "checkpoints", "untrained_weights"],
        [[i, s.series, s.state, CHECKPOINTS, untrained] for i, s in enumerate(scored)],
    )
    _write(
        output / "series_ledger.csv",
        ["series_id", "study_id", "state", "reasons", "remarks", "failure"],
        [[s.series, s.study, s.state, s.reasons, s.remarks, s.failure] for s in series],
    )
    _write(
        output / "slices_not_scored.csv",
        ["path", "series_id", "sop_instance_uid", "state", "code", "reason"],
        [
            [f"x/{uid}.dcm", s.series, uid, "refused", code, f"why {code}"]
            for s in series
            for uid, code in s.not_scored
        ],
    )


def made_series(count: int, slices: int, seed: int) -> tuple[list[MadeSeries], np.ndarray]:
    """Return series with random probabilities, and the labels of their slices (n, 6).

    A third of the series bleeds, in half of its slices.
    """
    random = np.random.default_rng(seed)
    series, labels = [], []
    for i in range(count):
        bleeding = i % 3 == 0
        subtype = int(random.integers(1, 6))
        truth = np.zeros((slices, 6))
        if bleeding:
            truth[: slices // 2, [0, subtype]] = 1
        logits = -2.6 + 3.2 * truth + random.normal(0, 0.9, truth.shape) + random.normal(0, 0.9)
        p = np.clip(1 / (1 + np.exp(-logits)), 0, 1)
        tilt = "GANTRY_TILT: tilted by 12 degrees; BETTER_SIBLING: 1 of 2" if i % 4 == 0 else ""
        series.append(
            MadeSeries(
                f"1.2.{i}",
                f"1.1.{i}",
                [f"1.3.{i}.{k}" for k in range(slices)],
                [tuple(float(np.float32(v)) for v in row) for row in p],
                remarks=tilt,
                distance=1.0 if i % 5 == 0 else 5.0,
            )
        )
        labels.append(truth)
    return series, np.concatenate(labels)
