"""Run again: only what is missing or stale, through the real command line."""

import json
import shutil

import pandas as pd
import pydicom
import pytest
import torch

from ich_resources.demo.study import write_series

pytestmark = pytest.mark.slow


def test_a_second_run_changes_no_byte_and_scores_nothing(finished_demo):
    before = finished_demo.place.tree()
    again = finished_demo.place.batch()
    assert again.status == 0, again.text
    assert "nothing to do, unchanged: 2" in again.text
    assert "Loading networks" not in again.text
    assert finished_demo.place.tree() == before


def test_only_what_an_option_touches_runs_again(demo_copy, finished_demo):
    place = demo_copy
    uid = finished_demo.study.bleed_series
    state = place.results / "state" / "series" / uid
    before = {path.name: path.stat().st_mtime_ns for path in state.iterdir()}
    assert before.pop("found.json")  # written by every scan
    changed = place.batch(
        "resources:\n  networks: {config: {max_folds_per_backbone: 1}}\n"
        "  saliency: {config: {image_size_override: 64, method: input_grad}}\n"
    )
    assert changed.status == 0, changed.text
    after = {name: (state / name).stat().st_mtime_ns for name in before}
    assert {name for name in after if after[name] != before[name]} == {
        "saliency_panels.json",
        "saliency_panels.npy",
        "preview.json",
    }
    scores = pd.read_csv(place.output / "saliency_panels" / "all_slice_saliency_scores.csv")
    assert set(scores["saliency_method"]) == {"input_grad"}
    panels = list((place.output / "saliency_panels" / uid).glob("*.png"))
    assert len(panels) == 3


def test_new_weights_make_predictions_stale(workplace, stand_in_models):
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    assert workplace.batch().status == 0
    before = pd.read_csv(workplace.output / "predictions.csv")["Label"]
    models = workplace.root / "models"
    shutil.copytree(stand_in_models, models)
    folder = models / "2DNet" / "DenseNet169_change_avg_256"

    path = folder / "model_epoch_best_0.pth"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["module.mlp.bias"] += 1
    torch.save(checkpoint, path)
    workplace.models = models
    refused = workplace.batch()
    assert refused.status == 1
    assert "checkpoints.sha256" in refused.text
    (models / "checkpoints.sha256").unlink()
    again = workplace.batch()
    assert again.status == 0, again.text
    after = pd.read_csv(workplace.output / "predictions.csv")["Label"]
    assert (after >= before).all()
    assert (after > before).mean() > 0.5  # the others are saturated


def test_damaged_state_is_made_anew(demo_copy, finished_demo):
    place = demo_copy
    before = place.tree()
    series = place.results / "state" / "series"
    (series / finished_demo.study.bleed_series / "processed_series.json").write_text("")
    array = series / finished_demo.study.plain_series / "ensemble_predictions.npy"
    array.write_bytes(array.read_bytes()[:50])
    done = place.batch()
    assert done.status == 0, done.text
    assert "[2/2]" in done.text
    assert {k: v for k, v in place.tree().items() if not k.endswith(".csv")} == {
        k: v for k, v in before.items() if not k.endswith(".csv")
    }


def test_a_series_that_left_the_input_is_named_and_kept(demo_copy, finished_demo):
    place = demo_copy
    gone, kept = finished_demo.study.plain_series, finished_demo.study.bleed_series
    (folder,) = {path.parent for path in place.dicom.rglob("*.dcm")}
    shutil.rmtree(folder)
    done = place.batch()
    assert done.status == 0, done.text
    assert "not in the input folder any more: 1" in done.text
    report = json.loads((place.output / "run_report.json").read_text())
    assert report["series_not_found_any_more"] == [gone]
    ranking = pd.read_csv(place.output / "predictions_per_series.csv")
    assert ranking["series_id"].to_list() == [kept]
    assert list((place.output / "saliency_panels" / gone).glob("*.png"))
    table = place.results / "processed" / "csv" / "series_csv" / f"{kept}.csv"
    assert pd.read_csv(table)["dcm_path"].str.startswith(str(place.dicom)).all()


def test_an_incomplete_series_that_moves_is_not_scored_again(workplace):
    paths = write_series(workplace.dicom / "a", name="one", slices=4, bleed=True, size=64)
    dataset = pydicom.dcmread(paths[0])
    dataset.Rows = 32
    dataset.save_as(paths[0])
    assert "Loading networks" in workplace.batch().text
    before = pd.read_csv(workplace.output / "predictions.csv")
    (workplace.dicom / "a").rename(workplace.dicom / "b")
    again = workplace.batch()
    assert again.status == 1
    assert "Loading networks" not in again.text
    assert f"b/{paths[0].name}: 8192 bytes of pixels do not fit" in again.text
    assert pd.read_csv(workplace.output / "predictions.csv").equals(before)
