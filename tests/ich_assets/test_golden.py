"""The same numbers as the reference, through the real command line."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from workplace import Workplace

from ich_resources.hemorrhage import CLASSES

pytestmark = [pytest.mark.weights, pytest.mark.slow]

PROBABILITY_BOUND = 2e-3
SCORE_BOUND = 1e-2


@pytest.fixture(scope="module")
def golden_place(shared, tmp_path_factory):
    root = tmp_path_factory.mktemp("golden")
    tool = shared / "tools" / "make_checkpoints.py"
    data = shared / "data" / "head_ct_ge"
    command = [sys.executable, str(tool), "--dicom-dir", str(data), "--out", str(root / "models")]
    subprocess.run([*command, "--folds", "2", "--seed", "0"], check=True, capture_output=True)
    return Workplace(root, root / "models", {"DICOM_INPUT": str(data)})


def _config(method: str) -> str:
    return (
        "resources:\n  networks: {config: {max_folds_per_backbone: 2}}\n"
        f"  saliency: {{config: {{image_size_override: 224, method: {method}, "
        "preset: reference}}\n"
    )


def _largest_difference(ours: pd.DataFrame, golden: pd.DataFrame, columns: list[str]) -> float:
    return float(np.abs(ours[columns].to_numpy() - golden[columns].to_numpy()).max())


@pytest.mark.parametrize("method", ["gradcampp", "gradcam", "input_grad"])
def test_predictions_and_saliency_equal_the_reference(golden_place, shared, method):
    done = golden_place.batch(_config(method))
    assert done.status == 0, done.text
    output, golden = golden_place.output, shared / "golden"
    for name, columns in (("predictions", ["Label"]), ("predictions_per_slice", list(CLASSES))):
        ours, theirs = (pd.read_csv(folder / f"{name}.csv") for folder in (output, golden))
        assert list(ours.columns) == list(theirs.columns)
        assert ours["ID"].to_list() == theirs["ID"].to_list()
        assert _largest_difference(ours, theirs, columns) <= PROBABILITY_BOUND
    ours = pd.read_csv(output / "saliency_panels" / "all_slice_saliency_scores.csv")
    theirs = pd.read_csv(golden / f"saliency_{method}.csv")
    assert list(ours.columns) == list(theirs.columns)
    for column in ("series_id", "seq_idx", "filename", "saliency_method", "saliency_model_weight"):
        assert ours[column].to_list() == theirs[column].to_list()
    assert _largest_difference(ours, theirs, ["saliency_score"]) <= SCORE_BOUND
    probabilities = [column for column in theirs.columns if "prob_" in column[:40]]
    probabilities = [c for c in probabilities if theirs[c].dtype == float]
    assert len(probabilities) == 6 * 8
    assert _largest_difference(ours, theirs, probabilities) <= PROBABILITY_BOUND
    series = ours["series_id"][0]
    pngs = (output / "saliency_panels" / series).glob("*.png")
    assert {path.name for path in pngs} == set(ours["saved_png"])
