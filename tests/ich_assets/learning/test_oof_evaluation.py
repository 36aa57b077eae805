"""ich_evaluate_oof without trained networks: its sources, their comparison, what is bound."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scored_training import (
    learning_resources,
    write_scored,
    write_scored_sequence,
    write_scored_table,
)
from training_root import Amount, write_training_root

from ich_assets import definitions
from ich_assets.learning.data_set import data_set
from ich_assets.learning.resources import LearningResources
from ich_resources.backbones.table import BACKBONES
from ich_resources.digests import file_sha256
from ich_resources.judged_files import read_calibration, read_threshold
from ich_resources.metric import weighted_log_loss
from ich_resources.steps import OOF_TABLE, SEQUENCE_OOF
from ich_resources.storage.record import Record
from ich_resources.storage.sequence_schemas import sequence_subject
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.subjects import training_subject

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> LearningResources:
    """A training root with predictions out of fold of 2D networks and of sequence models."""
    root = tmp_path_factory.mktemp("train")
    write_training_root(root, Amount(patients=15, slices=5))
    resources = learning_resources(root)
    write_scored(resources)
    write_scored_table(resources)
    write_scored_sequence(resources)
    return resources


def _evaluate(root: Path, source: str, **chosen: object) -> str:
    """Run ich_evaluate_oof; return the sentence of its failure, empty where it succeeds."""
    settings = {"bootstrap": 20, "level": "slice", "threshold": 0.5} | chosen
    resources = {"train_root": {"train_root": str(root)}, "evaluation": settings}
    result = definitions.defs.resolve_job_def("ich_evaluate_oof").execute_in_process(
        run_config={
            "resources": {name: {"config": config} for name, config in resources.items()},
            "ops": {"oof_evaluation": {"config": {"source": source}}},
        },
        raise_on_error=False,
    )
    failures = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
    return "" if result.success else str((failures[0].cause or failures[0]).message)


def _report(root: Path) -> dict:
    return json.loads((TrainingLayout(root).evaluation / "report.json").read_text())


def _by_hand(layout: TrainingLayout) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Return labels, sequence models, mean of the 2D networks and patients, by ID of the slice."""
    slices = data_set(layout).slices
    found = {}
    for fold in range(5):
        array, order = layout.sequence_oof(fold)
        found |= dict(zip(pd.read_csv(order, dtype=str)["slice"], np.load(array), strict=True))
    mean = np.load(layout.oof_table).astype(np.float64).mean(0)
    order = sorted(range(len(slices.slices)), key=slices.slices.__getitem__)
    sequence = np.array([found[slices.slices[row]] for row in order], np.float64)
    patients = [slices.patients[row] for row in order]
    return slices.labels[order], sequence, mean[order], patients


def test_both_sources_are_judged_and_compared_in_pairs(trained: LearningResources) -> None:
    from sklearn.metrics import roc_auc_score

    layout = trained.train_root.layout
    assert _evaluate(layout.train_root, "both") == ""

    report = _report(layout.train_root)
    labels, sequence, mean, patients = _by_hand(layout)
    assert "out of fold" in report["about"] and "sequence models" in report["about"]
    level = report["levels"][0]
    assert (level["level"], level["cases"], level["patients"]) == ("slice", 75, 15)
    assert level["weighted_log_loss"] == pytest.approx(weighted_log_loss(labels, sequence))
    compared = report["comparison"]
    assert compared["names"] == ["the sequence models", "the 2D networks"]
    assert (compared["cases"], compared["patients"]) == (75, 15)
    loss, area = compared["differences"][:2]
    losses = weighted_log_loss(labels, sequence), weighted_log_loss(labels, mean)
    assert (loss["this"], loss["other"]) == pytest.approx(losses, abs=1e-6)
    areas = [roc_auc_score(labels[:, 0], p[:, 0]) for p in (sequence, mean)]
    assert (area["this"], area["other"]) == pytest.approx(areas, abs=1e-6)
    assert area["difference"] == pytest.approx(areas[0] - areas[1], abs=1e-6)
    # Whole patients, the same ones for both.
    names = list(dict.fromkeys(patients))
    rows = [np.flatnonzero([patient == name for patient in patients]) for name in names]
    random, drawn = np.random.default_rng(1992), []
    for _ in range(20):
        some = np.concatenate([rows[i] for i in random.integers(0, 15, 15)])
        pair = [weighted_log_loss(labels[some], p[some]) for p in (sequence, mean)]
        drawn.append(pair[0] - pair[1])
    bounds = (loss["interval"]["low"], loss["interval"]["high"])
    assert bounds == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=1e-6)
    page = (layout.evaluation / "index.html").read_text()
    assert "Compared: the sequence models and the 2D networks" in page


def test_the_2d_networks_are_judged_by_default(trained: LearningResources) -> None:
    layout = trained.train_root.layout
    assert _evaluate(layout.train_root, "2d") == ""
    report = _report(layout.train_root)
    labels, _, mean, _ = _by_hand(layout)
    found = report["levels"][0]["weighted_log_loss"]
    assert found == pytest.approx(weighted_log_loss(labels, mean), abs=1e-6)
    assert report["comparison"] is None and "sequence" not in report["about"]


@pytest.mark.parametrize("source", ["2d", "sequence"])
def test_what_is_fitted_out_of_fold_names_the_checkpoints(
    trained: LearningResources, source: str
) -> None:
    layout = trained.train_root.layout
    said = _evaluate(
        layout.train_root, source, fit="isotonic", write_threshold=True, level="series"
    )
    assert said == ""

    calibration = read_calibration(layout.evaluation / "calibration.json")
    threshold = read_threshold(layout.evaluation / "threshold.json")
    assert (
        calibration.checkpoints
        == threshold.checkpoints
        == {
            backbone.name: tuple(
                file_sha256(layout.checkpoint(backbone, fold)) for fold in range(5)
            )
            for backbone in BACKBONES.values()
        }
    )
    files = [layout.sequence_checkpoint(fold) for fold in range(5 * (source == "sequence"))]
    assert calibration.sequence == threshold.sequence == tuple(map(file_sha256, files))
    assert (calibration.level, threshold.level) == ("slice", "series")
    how = "one half of the patients of the predictions out of fold (seed 1992)"
    assert calibration.fitted_on["how"] == how


@pytest.fixture
def copied(trained: LearningResources, tmp_path: Path) -> LearningResources:
    shutil.copytree(trained.train_root.layout.train_root, tmp_path / "train")
    return learning_resources(tmp_path / "train")


def test_sequence_models_that_are_not_there_are_one_sentence(copied: LearningResources) -> None:
    layout = copied.train_root.layout
    for fold in (1, 3):
        layout.steps.record(sequence_subject(fold), SEQUENCE_OOF).unlink()
    for source in ("sequence", "both"):
        said = _evaluate(layout.train_root, source)
        assert "predictions out of fold of the sequence models are missing: fold 1, 3" in said
        assert "-> run ich_sequence" in said
    assert _evaluate(layout.train_root, "2d") == ""


def test_sequence_models_of_another_table_or_damaged_are_refused(
    copied: LearningResources,
) -> None:
    layout, records = copied.train_root.layout, copied.train_root.records
    array, _ = layout.sequence_oof(2)
    whole = array.read_bytes()
    array.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "sequence models of fold 2 are damaged" in _evaluate(layout.train_root, "sequence")
    array.write_bytes(whole)
    table = records.find(training_subject(), OOF_TABLE)
    other = Record(table.inputs_digest, "another", table.files, table.content)
    records.finish(training_subject(), OOF_TABLE, other)
    said = _evaluate(layout.train_root, "both")
    assert "trained on other predictions than those of the table: fold 0, 1, 2, 3, 4" in said


def test_nothing_is_bound_to_checkpoints_that_did_not_predict(copied: LearningResources) -> None:
    layout, records = copied.train_root.layout, copied.train_root.records
    backbone = BACKBONES["DenseNet169_change_avg"]
    path = layout.checkpoint(backbone, 4)
    whole = path.read_bytes()
    path.write_bytes(b"trained anew")
    said = _evaluate(layout.train_root, "2d", fit="temperature")
    assert "the checkpoint of densenet169|4 is not the one that made the predictions" in said
    assert "-> run ich_train" in said
    assert _evaluate(layout.train_root, "2d") == ""  # numbers need no checkpoint
    path.write_bytes(whole)
    table = records.find(training_subject(), OOF_TABLE)
    leaking = table.content.model_copy(update={"accept_leak": True})
    leak = Record(table.inputs_digest, table.data_version, table.files, leaking)
    records.finish(training_subject(), OOF_TABLE, leak)
    said = _evaluate(layout.train_root, "2d", write_threshold=True)
    assert "accept_leak" in said and "needs patients that the networks have not seen" in said
    assert "compare_with is for" in _evaluate(layout.train_root, "2d", compare_with="/x")
