"""Calibration and threshold as files that inference reads."""

import numpy as np
import pytest
from evaluated import made_series, write_run_root

from ich_resources.errors import IchError
from ich_resources.evaluation.bound import calibration_of, threshold_of
from ich_resources.evaluation.evaluate import evaluate
from ich_resources.evaluation.outcome import Options
from ich_resources.judged_files import read_calibration, read_threshold, write_judged
from ich_resources.labels import Labels
from ich_resources.storage.layout import Layout
from ich_resources.storage.scored_tables import read_scores

CHECKPOINTS = {"DenseNet121_change_avg": ("a" * 64, "b" * 64)}
SEQUENCE = ("c" * 64,)


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_what_is_written_is_what_inference_reads(tmp_path, kind):
    series, truth = made_series(12, 4, seed=2)
    write_run_root(tmp_path / "made", series)
    labels = Labels(
        "slice", tuple(uid for s in series for uid in s.slices), truth.astype(np.float32)
    )
    scores = read_scores(Layout(tmp_path / "made"))
    found = evaluate(scores, labels, Options(bootstrap=0, fit=kind))
    calibration = calibration_of(found, CHECKPOINTS, SEQUENCE)
    write_judged(tmp_path / "calibration.json", calibration)
    assert read_calibration(tmp_path / "calibration.json") == calibration
    assert (calibration.kind, calibration.level) == (kind, "slice")
    assert calibration.fitted_on["patients"] == 6 and "half" in calibration.fitted_on["how"]
    threshold = threshold_of(found, CHECKPOINTS, calibration.sha256, SEQUENCE)
    write_judged(tmp_path / "threshold.json", threshold)
    read = read_threshold(tmp_path / "threshold.json")
    assert read == threshold and read.calibration == calibration.sha256
    assert (read.level, read.chosen_on["positives"]) == ("series", 4)
    # Chosen on the values of the tables: as many series stand at or above it as are flagged.
    highest = [max(p[0] for p in s.probabilities) for s in series]
    assert sum(p >= read.threshold for p in highest) == sum(
        case.verdict in ("hit", "false alarm") for case in found.cases
    )


def test_without_a_threshold_nothing_is_written(tmp_path):
    series, truth = made_series(4, 2, seed=2)
    write_run_root(tmp_path, series)
    ids = tuple(uid for s in series for uid in s.slices)
    found = evaluate(
        read_scores(Layout(tmp_path)),
        Labels("slice", ids, np.zeros_like(truth, np.float32)),
        Options(bootstrap=0),
    )
    assert calibration_of(found, CHECKPOINTS) is None
    with pytest.raises(IchError, match="no threshold to write"):
        threshold_of(found, CHECKPOINTS, None)
