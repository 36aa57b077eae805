"""ich_train, ich_submission, install_trained: one command each, at tiny settings."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from live import FINISHED, ROOT, wait, webserver
from training_root import (
    Amount,
    TrainingPlace,
    tiny_config,
    write_test_set,
    write_training_root,
)
from workplace import HOME_YAML, Workplace

from ich_resources.backbones.checkpoint import find_checkpoints
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.demo.cohort import write_patient
from ich_resources.demo.patients import draw_patient
from ich_resources.digests import file_sha256
from ich_resources.evaluation.cases import Cases
from ich_resources.evaluation.operating_point import first_half
from ich_resources.hemorrhage import CLASSES
from ich_resources.judged import Calibration
from ich_resources.judged_files import read_calibration, read_threshold
from ich_resources.labels import LabelledSlices
from ich_resources.metric import weighted_log_loss
from ich_resources.storage.layout import Layout
from ich_resources.storage.training_layout import fold_subject
from ich_resources.subjects import series_subject
from ich_resources.training.resource import TrainingResource
from ich_resources.training.results import Machine
from ich_resources.training.slices import TrainingSlices
from ich_resources.training.view_options import ViewOptions
from ich_resources.training.views import predict_checkpoint

pytestmark = pytest.mark.slow

DENSE = BACKBONES["DenseNet121_change_avg"]
TRAIN = tiny_config(train_folds={"backbones": ["densenet121"], "stages": ["2d", "oof"]})
SUBMIT = tiny_config(predict_and_submit={"backbones": ["densenet121"], "feature_files": True})


@dataclass(frozen=True)
class Trained:
    """A TRAIN_ROOT after ich_train and ich_submission, for tests that only look."""

    place: TrainingPlace
    slices: LabelledSlices
    test: LabelledSlices
    said: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    root = tmp_path_factory.mktemp("trained")
    home = root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    place = TrainingPlace(root, root / "none", {"DAGSTER_HOME": str(home)})
    slices = write_training_root(place.layout.train_root)
    test = write_test_set(place.layout.train_root, Amount(2, 3))
    done = place.execute("ich_train", TRAIN)
    assert done.status == 0, done.text
    submitted = place.execute("ich_submission", SUBMIT)
    assert submitted.status == 0, submitted.text
    return Trained(place, slices, test, done.text + submitted.text)


def oof_of(place: TrainingPlace) -> tuple[np.ndarray, pd.DataFrame]:
    table = pd.read_csv(place.layout.oof_order, dtype={"slice": str})
    return np.load(place.layout.oof_table), table


def test_the_terminal_says_what_every_epoch_and_fold_gave(trained):
    for fold in range(FOLDS):
        assert f"densenet121|{fold}  epoch 1/1  loss " in trained.said
        assert f"[{fold + 1}/{FOLDS}] densenet121|{fold}  done  held out " in trained.said
    assert "Out of fold: DenseNet121_change_avg " in trained.said


def test_the_models_folder_is_a_model_dir(trained):
    files = find_checkpoints(trained.place.layout.models, DENSE, None)
    assert [file.expected for file in files] == [True] * FOLDS
    for fold, file in enumerate(files):
        about = file.trained
        assert about is not None and (about.fold, about.input_size) == (fold, 32)
        assert about.slice_context == "adjacent"
        held_out = {about.fold_of(f"1.4.{patient}") for patient in range(10) if patient % 5 == fold}
        assert held_out == {fold}
        assert not about.was_trained_on(f"1.4.{fold}")
        assert about.was_trained_on(f"1.4.{(fold + 1) % 5}")


def test_every_slice_is_predicted_once_by_the_network_that_held_it_out(trained):
    values, table = oof_of(trained.place)
    assert values.shape == (1, len(trained.slices.slices), 6) and values.dtype == np.float32
    assert tuple(table["slice"]) == trained.slices.slices
    assert table["fold"].tolist() == [int(key, 16) % 5 for key in trained.slices.patients]
    for fold in range(FOLDS):
        files = trained.place.layout.oof(DENSE, fold)
        own = pd.read_csv(files.order, dtype=str)["slice"].tolist()
        assert own == table.loc[table["fold"] == fold, "slice"].tolist()
        features = np.load(files.features)
        assert features.shape == (len(own), 1024) and features.dtype == np.float16
        assert np.array_equal(values[0][table["fold"] == fold], np.load(files.probabilities))
    record = json.loads(
        (
            trained.place.layout.steps.folder(fold_subject(DENSE, 0)).parents[1] / "oof_table.json"
        ).read_text()
    )
    loss = record["content"]["weighted_log_loss"]["DenseNet121_change_avg"]
    assert loss == pytest.approx(weighted_log_loss(trained.slices.labels, values[0]), abs=1e-12)


def test_the_tables_of_the_reference(trained):
    folder = trained.place.layout.single_model_output(DENSE)
    assert folder.parts[-2:] == ("DenseNet121_change_avg_512", "prediction")
    merged = pd.read_csv(folder / "val_aug_4.csv")
    assert list(merged.columns) == [*CLASSES, "filename"]
    names = [f"ID_{uid}.png" for uid in trained.slices.slices]
    assert merged["filename"].tolist() == sorted(names)
    one = pd.read_csv(folder / "fold_3_val_aug_4.csv", index_col=0)
    assert list(one.columns) == [*CLASSES, "filename"] and one.index.tolist() == list(range(8))
    assert one["filename"].tolist() == sorted(one["filename"])
    test = pd.read_csv(folder / "test_aug_4.csv")
    assert list(test.columns) == ["filename", *CLASSES] and len(test) == 6
    folds = [pd.read_csv(folder / f"fold_{k}_test_aug_4.csv", index_col=0) for k in range(FOLDS)]
    mean = np.mean([fold[list(CLASSES)].to_numpy() for fold in folds], axis=0)
    np.testing.assert_allclose(test[list(CLASSES)].to_numpy(), mean, atol=1e-6)
    files = sorted(path.name for path in (folder / "npy_test").iterdir())
    assert len(files) == 6 * FOLDS and files[0] == "ID_2.2.0.0_0.npy"
    feature = np.load(folder / "npy_test" / "ID_2.2.1.2_4.npy")
    assert feature.dtype == np.float16
    assert np.array_equal(feature, np.load(trained.place.layout.test(DENSE, 4).features)[5])


def test_the_predictions_out_of_fold_are_judged(trained, tmp_path):
    place = copy_of(trained, tmp_path)
    done = place.execute(
        "ich_evaluate_oof", "resources: {evaluation: {config: {bootstrap: 50, threshold: 0.5}}}"
    )
    assert done.status == 0, done.text
    folder = place.layout.evaluation
    line = (folder / "per_class.csv").read_text().splitlines()[0]
    assert "out of fold" in line and "Research use only" in line
    rows = pd.read_csv(folder / "per_class.csv", skiprows=1).set_index(["level", "class"])
    probabilities, order = oof_of(place)
    assert rows.loc[("slice", "any"), "cases"] == len(order)
    expected = weighted_log_loss(trained.slices.labels, probabilities.mean(axis=0))
    assert rows.loc[("slice", "weighted"), "log_loss"] == pytest.approx(expected, rel=1e-5)
    page = (folder / "index.html").read_text()
    assert "How well the networks find bleeds" in page and trained.slices.patients[0] not in page


def test_the_submission_has_the_order_of_the_reference(trained):
    table = pd.read_csv(trained.place.layout.submission)
    ids = [f"ID_{uid}" for uid in sorted(trained.test.slices)]
    assert table["ID"].tolist() == [f"{name}_{label}" for label in CLASSES for name in ids]
    folder = trained.place.layout.single_model_output(DENSE)
    test = pd.read_csv(folder / "test_aug_4.csv").set_index("filename")
    value = table.set_index("ID").loc["ID_2.2.1.0_subdural", "Label"]
    assert value == test.loc["ID_2.2.1.0.png", "subdural"]


def test_the_ui_shows_partitions_curves_and_checks(trained):
    home = trained.place.environment["DAGSTER_HOME"]
    with dg.DagsterInstance.from_config(home) as instance:
        for step in ("trained_fold", "oof_predictions", "test_predictions"):
            done = instance.get_materialized_partitions(dg.AssetKey(step))
            assert done == {f"densenet121|{fold}" for fold in range(FOLDS)}, step
        observed = instance.fetch_observations(dg.AssetKey("trained_fold"), limit=20).records
        partitions = sorted(record.partition_key for record in observed)
        assert partitions == [f"densenet121|{fold}" for fold in range(FOLDS)]
        seen = observed[0].asset_observation.metadata
        assert seen["epoch"].value == 0
        assert seen["train_loss"].value > 0 and seen["learning_rate"].value > 0
        (made,) = instance.fetch_materializations(dg.AssetKey("oof_table"), limit=1).records
        checks = {
            entry.dagster_event.asset_check_evaluation_data.check_name: entry.dagster_event
            for entry in instance.all_logs(
                made.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
            )
        }
        passed = {name: event.asset_check_evaluation_data.passed for name, event in checks.items()}
        # One epoch on 32 slices is worse than constants, and the check says so.
        assert passed == {
            "oof_once": True,
            "oof_finite": True,
            "beats_prior": False,
            "fold_losses_alike": True,
        }


def test_nothing_is_done_twice_and_what_is_missing_is_done(trained, tmp_path):
    place = copy_of(trained, tmp_path)
    before = digests(place.root)
    lost = place.layout.oof(DENSE, 2)
    lost.features.unlink()
    again = place.execute("ich_train", TRAIN)
    assert again.status == 0, again.text
    assert "epoch" not in again.text
    after = digests(place.root)
    assert {name for name in before if before[name] != after[name]} <= {
        "train/state/training/densenet121/2/oof_predictions.json",
        "train/state/training/oof_table.json",
    }


def test_a_sample_submission_gives_the_order_and_a_missing_image_is_named(trained, tmp_path):
    place = copy_of(trained, tmp_path)
    wanted = ["ID_2.2.1.2", "ID_2.2.0.1"]
    rows = [f"{name}_{label}" for name in wanted for label in reversed(CLASSES)]
    sample = tmp_path / "sample.csv"
    sample.write_text("ID,Label\n" + "".join(f"{row},0.5\n" for row in rows))
    config = {"backbones": ["densenet121"], "sample": str(sample)}
    done = place.execute("ich_submission", tiny_config(predict_and_submit=config))
    assert done.status == 0, done.text
    written = pd.read_csv(place.layout.submission)
    assert written["ID"].tolist() == rows
    whole = pd.read_csv(trained.place.layout.submission).set_index("ID")["Label"]
    assert written["Label"].tolist() == whole.loc[rows].tolist()
    sample.write_text("ID,Label\n" + "".join(f"ID_abc_{label},0.5\n" for label in CLASSES))
    before = place.layout.submission.read_bytes()
    failed = place.execute("ich_submission", tiny_config(predict_and_submit=config))
    assert failed.status == 1
    assert "1 images of the sample submission have no prediction, the first is ID_abc" in (
        failed.text
    )
    assert place.layout.submission.read_bytes() == before


def test_installed_checkpoints_have_digests_and_replace_nothing(trained, tmp_path):
    target = tmp_path / "models"
    config = f"ops: {{copy_checkpoints: {{config: {{model_dir: {target}}}}}}}"
    done = trained.place.execute("install_trained", config)
    assert done.status == 0, done.text
    assert "5, copied now: 5" in done.text
    files = find_checkpoints(target, DENSE, None)
    assert all(file.expected for file in files)
    own = find_checkpoints(trained.place.layout.models, DENSE, None)
    assert [file.digest for file in files] == [file.digest for file in own]
    files[3].path.write_bytes(b"another file")
    files[1].path.unlink()
    again = trained.place.execute("install_trained", config)
    assert again.status == 1
    assert "another checkpoint has this name, and is not overwritten" in again.text
    assert files[3].path.read_bytes() == b"another file" and not files[1].path.exists()


PARTITION = {
    "dagster/partition": "densenet121|3",
    "dagster/partition/backbone": "densenet121",
    "dagster/partition/fold": "3",
}
MATERIALISE = """
mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""


@pytest.fixture
def untrained(trained, tmp_path) -> TrainingPlace:
    """The same data set and key, and nothing else."""
    place = TrainingPlace(tmp_path, tmp_path / "none")
    shutil.copytree(trained.place.layout.dataset, place.layout.dataset)
    place.layout.key.parent.mkdir(parents=True)
    shutil.copy2(trained.place.layout.key, place.layout.key)
    return place


def test_one_partition_from_the_command_line_gives_the_same_record(trained, untrained):
    done = subprocess.run(
        [*untrained.command("ich_train_fold", tiny_config()), "--tags", json.dumps(PARTITION)],
        env=untrained.environ(),
        cwd=untrained.root,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    for step in ("trained_fold", "oof_predictions"):
        assert record_of(untrained, step, 3) == record_of(trained.place, step, 3)


def test_one_partition_from_the_ui_gives_the_same_record(trained, untrained):
    """As the button "Materialize" of the page of the asset does it."""
    home = untrained.root / "home"
    home.mkdir()
    shutil.copy(ROOT / "conf" / "dagster.yaml", home)
    environment = untrained.environ() | {"DAGSTER_HOME": str(home)}
    with webserver(environment, untrained.root / "webserver.log") as server:
        launched = server.ask(
            MATERIALISE,
            params={
                "selector": {
                    "repositoryLocationName": "ich",
                    "repositoryName": "__repository__",
                    "pipelineName": "__ASSET_JOB",
                    "assetSelection": [{"path": ["trained_fold"]}, {"path": ["oof_predictions"]}],
                    "assetCheckSelection": [],
                },
                "mode": "default",
                "runConfigData": json.loads(tiny_config()),
                "executionMetadata": {
                    "tags": [{"key": key, "value": value} for key, value in PARTITION.items()]
                },
            },
        )["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run = launched["run"]["runId"]
        assert wait(300, lambda: server.statuses()[run] in FINISHED)
        assert server.statuses()[run] == "SUCCESS"
    for step in ("trained_fold", "oof_predictions"):
        assert record_of(untrained, step, 3) == record_of(trained.place, step, 3)


def record_of(place: TrainingPlace, step: str, fold: int) -> dict:
    """Return a record without the times that it took."""
    path = place.layout.steps.record(fold_subject(DENSE, fold), step)
    value = json.loads(path.read_text())
    del value["checksum"], value["content"]["seconds"]
    log = next((name for name in value["files"] if name.endswith("log.csv")), None)
    if log is not None:  # it holds times
        number = value["files"].index(log)
        del value["sizes"][number], value["digests"][number]
    return value


def copy_of(trained: Trained, root: Path) -> TrainingPlace:
    shutil.copytree(trained.place.layout.train_root, root / "train")
    return TrainingPlace(root, root / "none")


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): file_sha256(path)
        for path in sorted((root / "train").rglob("*"))
        if path.is_file()
    }


SCORE = """\
resources:
  networks: {config: {backbones: [DenseNet121_change_avg], max_folds_per_backbone: 2}}
  saliency: {config: {method: gradcam, max_slices_per_series: 1}}
"""


def test_a_batch_with_the_trained_folder_gives_what_the_training_predicts(trained, tmp_path):
    place = Workplace(tmp_path, trained.place.layout.models)
    written = write_patient(place.dicom, draw_patient(1, ("subdural",)))
    done = place.batch(SCORE)
    assert done.status == 0, done.text
    layout, subject = Layout(place.results), series_subject(written.series)
    scored = np.load(layout.array(subject, "densenet121_predictions"))
    assert scored.shape == (2, len(written.slices), 6)
    slices = TrainingSlices(
        written.slices,
        (written.series,) * len(written.slices),
        tuple(layout.slice_png(uid) for uid in written.slices),
        np.full((len(written.slices), 6), np.nan, np.float32),
    )
    recipe = TrainingResource(init="random", input_size=32).recipe(DENSE, 0)
    for fold in range(2):
        path = trained.place.layout.checkpoint(DENSE, fold)
        options = ViewOptions.of(recipe, "none")
        predicted = predict_checkpoint(path, DENSE.name, slices, options, machine=Machine("cpu"))
        np.testing.assert_allclose(scored[fold], predicted.probabilities[0], atol=1e-5)
    assert np.ptp(scored[0]) > 1e-3


JUDGE = "resources: {evaluation: {config: {bootstrap: 0, fit: temperature, write_threshold: true}}}"
SCORE_ALL = """\
resources:
  networks: {config: {backbones: [DenseNet121_change_avg]%s}}
  results: {config: {%s}}
  saliency: {config: {method: gradcam, max_slices_per_series: 1}}
"""


def test_what_is_fitted_out_of_fold_is_for_the_trained_networks_alone(trained, tmp_path):
    training = copy_of(trained, tmp_path)
    judged = training.execute("ich_evaluate_oof", JUDGE)
    assert judged.status == 0, judged.text
    folder, models = training.layout.evaluation, training.layout.models
    calibration = read_calibration(folder / "calibration.json")
    threshold = read_threshold(folder / "threshold.json")
    files = [training.layout.checkpoint(DENSE, fold) for fold in range(FOLDS)]
    digests = {DENSE.name: tuple(map(file_sha256, files))}
    assert calibration.checkpoints == threshold.checkpoints == digests
    has_lowest_loss(calibration, training, trained.slices)

    place = Workplace(tmp_path / "scored", models)
    place.root.mkdir()
    written = write_patient(place.dicom, draw_patient(1, ("subdural",)))
    done = place.batch(SCORE_ALL % ("", f"threshold: {folder}/threshold.json"))
    assert done.status == 0, done.text
    table = pd.read_csv(place.output / "predictions_per_series.csv")
    assert table["flagged"].tolist() == [bool(table["max_any"][0] >= threshold.threshold)]
    layout, subject = Layout(place.results), series_subject(written.series)
    predicted = layout.record(subject, "densenet121_predictions")
    before = predicted.read_bytes()
    chosen = f", calibration: {folder}/calibration.json"
    done = place.batch(SCORE_ALL % (chosen, ""))
    assert done.status == 0, done.text
    assert predicted.read_bytes() == before  # no network scored again
    raw = np.load(layout.array(subject, "ensemble_predictions")).astype(np.float64)
    scored = np.load(layout.array(subject, "densenet121_predictions"))
    np.testing.assert_allclose(raw, scored.mean(0), atol=1e-6)
    unchanged = {"temperature": 1.0}  # too few in the half
    power = [1 / calibration.classes.get(name, unchanged)["temperature"] for name in CLASSES]
    expected = raw**power / (raw**power + (1 - raw) ** power)
    shown = pd.read_csv(place.output / "predictions_per_slice.csv").set_index("ID")
    ids = [f"ID_{uid}" for uid in written.slices]
    np.testing.assert_allclose(shown.loc[ids, list(CLASSES)], expected, atol=1e-6)
    assert np.abs(expected - raw).max() > 1e-3

    files[0].write_bytes(files[0].read_bytes() + b"0")  # weights and recipe are the same
    (models / "checkpoints.sha256").unlink()
    refused = place.batch(SCORE_ALL % (chosen, ""))
    assert refused.status == 1 and "Traceback" not in refused.text
    assert "the calibration was made for another checkpoint of DenseNet121" in refused.text


def has_lowest_loss(calibration: Calibration, place: TrainingPlace, slices: LabelledSlices) -> None:
    """Check that no other temperature fits the first half of the patients better."""
    p = np.load(place.layout.oof_table)[0].astype(np.float64)
    cases = Cases(
        "slice", slices.slices, slices.labels, p, slices.patients, slices.series, slices.studies
    )
    half = first_half(cases, 1992)
    assert calibration.fitted_on["slices"] == half.sum() == len(half) / 2
    two_of_each = [
        n for n, y in zip(CLASSES, slices.labels[half].T, strict=True) if 1 < y.sum() < 19
    ]
    assert list(calibration.classes) == two_of_each and "any" in two_of_each
    for name in two_of_each:
        column = CLASSES.index(name)
        y, x = slices.labels[half, column], np.log(p[half, column] / (1 - p[half, column]))

        def loss(temperature: float, y: np.ndarray = y, x: np.ndarray = x) -> float:
            return float(np.mean(np.logaddexp(0, x / temperature) - y * x / temperature))

        found = calibration.classes[name]["temperature"]
        assert loss(found) <= min(map(loss, np.geomspace(0.05, 20, 400))) + 1e-5, name
