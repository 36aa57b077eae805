"""networks.sequence: the sequence models of a model folder score a batch."""

import json
import shutil
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from tiny_models import write_sequence_models, write_tiny
from workplace import Workplace

from ich_assets import definitions
from ich_assets.sequence_models import sequence_models
from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.study import uid, write_series
from ich_resources.digests import file_sha256
from ich_resources.errors import CheckpointError
from ich_resources.hemorrhage import CLASSES
from ich_resources.inference.resource import NetworksResource
from ich_resources.sequence.apply import sequence_probabilities
from ich_resources.sequence.checkpoint import find_sequence, load_sequence
from ich_resources.sequence.samples import ScoredSeries
from ich_resources.storage.layout import Layout
from ich_resources.subjects import series_subject

CONFIG = """\
resources:
  networks: {{config: {{max_folds_per_backbone: 1, backend: pytorch, sequence: {sequence}}}}}
  saliency: {{config: {{method: gradcam, max_slices_per_series: 1}}}}
"""
SERIES = uid("demo", "one")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, stand_in_models: Path) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder, stand_in_models)
    write_sequence_models(folder)
    return folder


class Batches:
    """One run root: a batch with sequence models, and one without after it."""

    def __init__(self, root: Path, models: Path) -> None:
        self.place = Workplace(root, models, {"OMP_NUM_THREADS": "1"})
        root.mkdir(exist_ok=True)
        write_series(self.place.dicom, name="one", slices=3, bleed=True, size=64)
        self.on = self.place.batch(CONFIG.format(sequence='"on"'))
        self.tables_on, self.arrays = self._tables(), self._arrays()
        self._run_off()
        self.tables_off = self._tables()

    def _run_off(self) -> None:
        """Run the batch in this process, which has loaded everything: half the time.

        With one thread as in the other process, so that sums are in the same order.
        """
        config = yaml.safe_load(CONFIG.format(sequence='"off"'))["resources"]
        config["networks"]["config"]["model_dir"] = str(self.place.models)
        config["dicom"] = {"config": {"input_dir": str(self.place.dicom)}}
        config["storage"] = {"config": {"run_root": str(self.place.results)}}
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        with dg.DagsterInstance.ephemeral() as instance:
            result = definitions.defs.resolve_job_def("ich_batch").execute_in_process(
                run_config={"resources": config}, instance=instance
            )
        torch.set_num_threads(threads)
        assert result.success

    def _tables(self) -> dict[str, bytes]:
        files = [p for p in self.place.output.rglob("*") if p.suffix in (".csv", ".json")]
        return {path.name: path.read_bytes() for path in files}

    def _arrays(self) -> dict[str, np.ndarray]:
        folder = Layout(self.place.results).folder(series_subject(SERIES))
        return {path.name.removesuffix(".npy"): np.load(path) for path in folder.glob("*_*.npy")}

    def rows(self, table: str, *, on: bool) -> pd.DataFrame:
        """Return a table of probabilities in series order."""
        content = (self.tables_on if on else self.tables_off)[table]
        (self.place.root / "table.csv").write_bytes(content)
        return pd.read_csv(self.place.root / "table.csv")


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Batches:
    return Batches(tmp_path_factory.mktemp("sequence"), models)


@pytest.mark.slow
def test_the_rows_equal_the_sequence_models_on_the_kept_arrays(
    batches: Batches, models: Path
) -> None:
    assert batches.on.status == 0, batches.on.text
    steps = [backbone.predictions_step for backbone in BACKBONES.values()]
    features = [batches.arrays[f"{step}.features"] for step in steps]
    probabilities = [batches.arrays[f"{step}.views"] for step in steps]
    widths = [backbone.feature_width for backbone in BACKBONES.values()]
    assert [array.shape for array in features] == [(1, 3, width) for width in widths]
    assert {array.dtype for array in features} == {np.dtype(np.float16)}
    record = json.loads(
        Layout(batches.place.results).record(series_subject(SERIES), "processed_series").read_text()
    )
    slices = record["content"]["slices"]
    series = ScoredSeries(
        tuple(array[0] for array in features),
        np.stack([array[0] for array in probabilities]),
        np.array([item["position"] for item in slices]),
        np.full((3, 6), np.nan, np.float32),
    )
    networks = [load_sequence(file, "cpu")[1] for file in find_sequence(models)]

    expected = sequence_probabilities(networks, [series])

    shown = batches.rows("predictions_per_slice.csv", on=True).set_index("ID")
    names = [f"ID_{item['sop_instance_uid']}" for item in slices]
    found = shown.loc[names, list(CLASSES)].to_numpy(np.float32)
    assert np.allclose(found, expected, atol=1e-6)
    assert np.array_equal(batches.arrays["sequence_predictions"], found)


@pytest.mark.slow
def test_the_ensemble_is_kept_and_equals_that_without_sequence_models(batches: Batches) -> None:
    both, ensemble = batches.tables_on, batches.tables_off["predictions_per_slice.csv"]

    assert both["predictions_2d_per_slice.csv"] == ensemble
    assert both["predictions_per_slice.csv"] != ensemble
    assert "predictions_2d_per_slice.csv" not in batches.tables_off
    left = Layout(batches.place.results).folder(series_subject(SERIES))
    assert not [*left.glob("*.features.npy"), *left.glob("*.views.npy")]


@pytest.mark.slow
def test_report_and_panels_say_whose_probabilities_they_show(batches: Batches) -> None:
    on, off = (json.loads(t["run_report.json"]) for t in (batches.tables_on, batches.tables_off))

    assert on["probabilities_from"] == "sequence" and "probabilities_from" not in off
    assert on["trained_on"] == "phantoms"
    assert on["code_versions"].keys() - off["code_versions"].keys() == {"sequence_predictions"}
    assert [c["file"] for c in on["checkpoints"] if c["backbone"] == "SequenceModel"] == [
        f"fold_{fold}.pt" for fold in range(5)
    ]
    per_series = batches.rows("predictions_per_series.csv", on=True)
    assert "SequenceModel/fold_4.pt:" in per_series["checkpoints"][0]
    per_slice = batches.rows("predictions_per_slice.csv", on=True)
    assert per_series["max_any"][0] == per_slice["any"].max()
    scores = batches.rows("slice_saliency_scores.csv", on=True)
    assert set(scores["bar_prob_source"]) == {"sequence model probabilities"}
    assert set(batches.rows("slice_saliency_scores.csv", on=False)["bar_prob_source"]) == {
        "ensemble probabilities"
    }


@pytest.mark.slow
def test_other_2d_weights_are_an_error_with_both_digests(models: Path, tmp_path: Path) -> None:
    other = tmp_path / "models"
    shutil.copytree(models, other, copy_function=shutil.copy)
    backbone = next(iter(BACKBONES.values()))
    path = other / backbone.folder / "model_epoch_best_0.pth"
    earlier = file_sha256(path)
    content = torch.load(path, weights_only=True)
    torch.save(content | {"epoch": 2}, path)
    networks = NetworksResource(model_dir=str(other), max_folds_per_backbone=1, sequence="on")

    with pytest.raises(CheckpointError) as caught:
        sequence_models(networks)

    assert earlier[:16] in str(caught.value) and file_sha256(path)[:16] in str(caught.value)


def test_fewer_backbones_or_folds_than_they_were_trained_on_are_an_error(models: Path) -> None:
    two = list(BACKBONES)[:2]
    fewer = NetworksResource(
        model_dir=str(models), max_folds_per_backbone=1, backbones=two, sequence="on"
    )

    with pytest.raises(CheckpointError, match="the chosen backbones are DenseNet121_change_avg, D"):
        sequence_models(fewer)
    off = NetworksResource(model_dir=str(models), max_folds_per_backbone=1, backbones=two)
    assert sequence_models(off) is None


def test_a_batch_is_refused_before_its_first_file(tmp_path: Path, models: Path) -> None:
    from ich_assets.jobs import preflight
    from ich_assets.resources import SeriesResources
    from ich_resources.dicom.resource import DicomResource
    from ich_resources.panels.resource import PanelsResource
    from ich_resources.saliency.resource import SaliencyResource
    from ich_resources.storage.resource import ResultsResource, StorageResource

    empty = tmp_path / "models"
    empty.mkdir()
    (empty / "2DNet").symlink_to(models / "2DNet")
    resources = SeriesResources(
        dicom=DicomResource(input_dir=str(tmp_path / "there_is_none")),
        networks=NetworksResource(model_dir=str(empty), max_folds_per_backbone=1, sequence="on"),
        saliency=SaliencyResource(),
        panels=PanelsResource(),
        storage=StorageResource(run_root=str(tmp_path / "out")),
        results=ResultsResource(),
    )

    with pytest.raises(CheckpointError, match="sequence checkpoint missing: SequenceModel/fold_0"):
        preflight.check(resources)


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("ensemble_predictions", "ensemble of a (b)"),
        ("sequence_predictions", "2D ensemble of a (b)"),
    ],
)
def test_the_saliency_line_says_that_the_maps_are_of_the_2d_ensemble(step: str, line: str) -> None:
    from ich_assets.drawing import saliency_source_text
    from ich_resources.saliency.resource import SaliencyResource

    assert saliency_source_text(SaliencyResource(), [("a", "b.pth")], step) == line


def test_a_calibration_of_the_ensemble_does_not_fit_the_sequence_models(
    models: Path, tmp_path: Path
) -> None:
    from ich_assets.sequence_models import (
        ensemble_calibration,
        sequence_digests,
        shown_calibration,
    )
    from ich_resources.errors import IchError
    from ich_resources.judged import Calibration
    from ich_resources.judged_files import write_judged

    path = tmp_path / "calibration.json"
    networks = NetworksResource(
        model_dir=str(models), max_folds_per_backbone=1, sequence="on", calibration=str(path)
    )
    digests, classes = sequence_digests(networks), {"any": {"temperature": 2.0}}
    own = Calibration("temperature", classes, networks.used_checkpoints(), {}, "slice", digests)
    write_judged(path, own)

    assert shown_calibration(networks) == own and ensemble_calibration(networks) is None

    of_ensemble = Calibration("temperature", classes, networks.used_checkpoints(), {})
    write_judged(path, of_ensemble)
    with pytest.raises(IchError, match="made for other networks than the sequence models"):
        shown_calibration(networks)
