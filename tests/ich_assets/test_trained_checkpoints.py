"""Checkpoints of one's own training are obeyed, end to end: size, neighbours, phantoms, studies.

The weights are those of the stand-ins; only what the files say about themselves differs. Then a
calibration and a threshold are set, and taken away again.
"""

import io
import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pydicom
import pytest
import torch
from trained_files import SALT, write_trained
from workplace import Finished, Workplace

from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.study_hashes import study_hash
from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.study import uid, write_series
from ich_resources.hemorrhage import CLASSES
from ich_resources.judged import Calibration, Threshold
from ich_resources.judged_files import write_judged
from ich_resources.preprocessing import network_input
from ich_resources.storage.layout import Layout
from ich_resources.storage.scored_tables import read_scores
from ich_resources.worth import BANNERS

pytestmark = pytest.mark.slow

BACKBONE = BACKBONES["DenseNet121_change_avg"]
ONE = f"max_folds_per_backbone: 1, backbones: [{BACKBONE.name}]"
SALIENCY = "saliency: {config: {method: gradcam, max_slices_per_series: 1}}"
CONFIG = f"resources:\n  networks: {{config: {{{ONE}}}}}\n  {SALIENCY}\n"
TEMPERATURES = dict(zip(CLASSES, (0.5, 2.0, 3.0, 1.0, 0.25, 4.0), strict=True))


@dataclass
class Scored:
    """A series scored by such checkpoints: as it is, calibrated, and as it is again."""

    place: Workplace
    calibration: Calibration
    threshold: Threshold
    first: Finished
    second: Finished
    third: Finished
    trees: list[dict[str, bytes]]
    reports: list[dict]
    records: list[dict[str, dict]]


def _records(place: Workplace) -> dict[str, dict]:
    paths = place.results.glob("state/series/*/*.json")
    return {p.stem: json.loads(p.read_text()) for p in paths if p.stem not in ("found", "preview")}


@pytest.fixture(scope="module")
def scored(tmp_path_factory, stand_in_models) -> Scored:
    root = tmp_path_factory.mktemp("trained")
    place = Workplace(root, root / "models")
    write_series(place.dicom, name="one", slices=3, bleed=True, size=64)
    first = next(path for path in place.dicom.rglob("*") if path.is_file())
    study = pydicom.dcmread(first).StudyInstanceUID
    write_trained(place.models, stand_in_models, studies={study_hash(SALT, study): 3})
    digest = find_checkpoint(place.models, BACKBONE, 0).digest
    shapes = {name: {"temperature": t} for name, t in TEMPERATURES.items()}
    calibration = Calibration("temperature", shapes, {BACKBONE.name: (digest,)}, {"patients": 9})
    threshold = Threshold(
        0.0, "everything", calibration.checkpoints, {"patients": 9}, calibration.sha256
    )
    write_judged(root / "calibration.json", calibration)
    write_judged(root / "threshold.json", threshold)
    judged = (
        f"resources:\n  networks: {{config: {{{ONE}, calibration: {root}/calibration.json}}}}\n"
        f"  results: {{config: {{threshold: {root}/threshold.json}}}}\n  {SALIENCY}\n"
    )
    found = Scored(place, calibration, threshold, *[Finished(1, "")] * 3, [], [], [])
    for name, config in (("first", CONFIG), ("second", judged), ("third", CONFIG)):
        setattr(found, name, place.batch(config))
        assert getattr(found, name).status == 0, getattr(found, name).text
        found.trees.append(place.tree())
        found.reports.append(json.loads((place.output / "run_report.json").read_text()))
        found.records.append(_records(place))
    return found


def _array(tree: dict[str, bytes], name: str) -> np.ndarray:
    (content,) = (content for path, content in tree.items() if path.endswith(f"/{name}.npy"))
    return np.load(io.BytesIO(content))


def _table(tree: dict[str, bytes], name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(tree[f"output/{name}"]))


def test_the_networks_run_at_their_own_size_with_their_own_context(scored):
    """OpenVINO in the batch, PyTorch here: the same numbers within rounding."""
    crops = _array(scored.trees[0], "processed_series")
    (fold,) = load_folds([find_checkpoint(scored.place.models, BACKBONE, 0)], torch.device("cpu"))
    found = _array(scored.trees[0], "densenet121_predictions")[0]
    with torch.inference_mode():
        for size, context, same in (
            (96, "adjacent", True),
            (96, "replicated", False),
            (512, "adjacent", False),
        ):
            x = torch.from_numpy(network_input(crops, slice(0, 3), size, context).copy())
            expected = torch.sigmoid(fold.network(x)).numpy()
            assert bool(np.abs(found - expected).max() < 1e-4) is same, (size, context)


def test_everything_says_phantoms(scored):
    assert BANNERS["phantoms"] in scored.first.text and "untrained" not in scored.first.text
    report, records = scored.reports[0], scored.records[0]
    assert report["trained_on"] == "phantoms" and report["untrained_weights"] is False
    for step in ("densenet121_predictions", "ensemble_predictions", "saliency_panels"):
        assert records[step]["content"]["trained_on"] == "phantoms"
        assert records[step]["content"]["untrained"] is False
    assert records["saliency_panels"]["content"]["entry"]["trained_on"] == "phantoms"
    table = _table(scored.trees[0], "predictions_per_series.csv")
    assert table["trained_on"].to_list() == ["phantoms"]
    assert table["slice_context"].to_list() == ["adjacent"]
    assert not {"calibration", "flagged"} & set(table.columns)


def test_results_record_both_input_sizes(scored):
    both = {"input_size": 96, "input_size_of_backbone": 512}
    report, records = scored.reports[0], scored.records[0]
    content = records["densenet121_predictions"]["content"]
    assert {key: content[key] for key in both} == both
    assert content["folds"][0]["trained_on_study"] is True
    assert read_scores(Layout(scored.place.results)).seen == {uid("demo", "one")}
    entry = records["saliency_panels"]["content"]["entry"]["saliency_checkpoints"]
    for listed in (*report["checkpoints"], *entry):
        assert {key: listed[key] for key in both} == both
    assert report["options"]["slice_context"] == "adjacent"


def test_calibrated_values_are_those_of_the_formula(scored):
    """p to the power 1/T over the sum of that and of (1 - p) to the power 1/T."""
    raw = _array(scored.trees[1], "ensemble_predictions")
    assert np.array_equal(raw, _array(scored.trees[0], "ensemble_predictions"))
    p = raw.astype(np.float64)
    power = 1 / np.array(list(TEMPERATURES.values()))
    expected = p**power / (p**power + (1 - p) ** power)
    assert np.abs(expected - p).max() > 0.05
    found = _array(scored.trees[1], "ensemble_predictions.calibrated")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    table = _table(scored.trees[1], "predictions_per_slice.csv")
    np.testing.assert_allclose(
        np.sort(table[list(CLASSES)], 0), np.sort(expected, 0), atol=1e-6
    )  # by file name, not by position
    scores = _table(scored.trees[1], "saliency_panels/all_slice_saliency_scores.csv")
    np.testing.assert_allclose(scores["prob_any"], expected[1:2, 0], atol=1e-6)
    assert set(scores["bar_prob_source"]) == {"calibrated ensemble probabilities"}


def test_calibration_and_threshold_are_recorded_and_no_network_scores_again(scored):
    report, records = scored.reports[1], scored.records[1]
    assert report["options"]["calibration"] == scored.calibration.sha256
    assert report["options"]["threshold"]["sha256"] == scored.threshold.sha256
    assert records["ensemble_predictions"]["content"]["calibration"] == scored.calibration.sha256
    assert records["densenet121_predictions"] == scored.records[0]["densenet121_predictions"]
    table = _table(scored.trees[1], "predictions_per_series.csv")
    assert table["calibration"].to_list() == [scored.calibration.sha256[:12]]
    assert table["flagged"].to_list() == [True]


def test_without_them_the_results_are_as_before(scored):
    assert scored.trees[2].keys() == scored.trees[0].keys()
    one, two = scored.trees[0], scored.trees[2]
    assert {name for name in one if one[name] != two[name]} == set()
    assert any(name.endswith(".calibrated.npy") for name in scored.trees[1])
    for now, then in zip(scored.records[2].values(), scored.records[0].values(), strict=True):
        assert now["recipe"] == then["recipe"] and now["files"] == then["files"]


def test_a_wrong_calibration_stops_the_batch_before_it_reads(scored):
    path = scored.place.root / "other.json"
    other = {BACKBONE.name: ("ab" * 32,)}
    write_judged(path, replace(scored.calibration, checkpoints=other))
    config = f"resources:\n  networks: {{config: {{{ONE}, calibration: {path}}}}}\n  {SALIENCY}\n"
    done = scored.place.batch(config)
    assert done.status == 1 and "Traceback" not in done.text
    digest = find_checkpoint(scored.place.models, BACKBONE, 0).digest
    assert "abababababab..." in done.text and f"{digest[:12]}..." in done.text
    assert "Found" not in done.text and "Reading" not in done.text
