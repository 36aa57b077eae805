"""The batch job through the real command line, on real files."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from workplace import Workplace

from ich_resources.demo.study import (
    write_demo_study,
    write_dose_report,
    write_localizer,
    write_series,
)
from ich_resources.hemorrhage import CLASSES

pytestmark = pytest.mark.slow


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _ledger(output: Path) -> pd.DataFrame:
    table = pd.read_csv(output / "series_ledger.csv", dtype={"series_id": str})
    return table.set_index("series_id")


def _two_series(folder: Path) -> tuple[str, str]:
    uids = []
    for number, name in enumerate(("good", "bad"), 1):
        paths = write_series(
            folder / name, name=name, slices=3, bleed=True, size=128, series_number=number
        )
        uids.append(str(pydicom.dcmread(paths[0]).SeriesInstanceUID))
    return uids[0], uids[1]


def test_the_demo_study_is_scored_and_accounted_for(finished_demo):
    assert finished_demo.first.status == 0, finished_demo.first.text
    output, study = finished_demo.place.output, finished_demo.study
    ledger = _ledger(output)
    assert ledger["state"].to_dict() == {
        study.bleed_series: "done",
        study.plain_series: "done",
        study.localizer_series: "refused",
        study.dose_series: "refused",
        study.dose_page_series: "refused",
    }
    columns = ["scored", "refused", "failed", "waiting"]
    assert (ledger["found"] == ledger[columns].sum(axis=1)).all()
    per_slice = pd.read_csv(output / "predictions_per_slice.csv")
    assert len(per_slice) == 6
    assert per_slice[list(CLASSES)].to_numpy().std() > 0.01
    long = pd.read_csv(output / "predictions.csv")
    assert long["Label"].to_list() == per_slice[list(CLASSES)].to_numpy().ravel().tolist()


def test_the_ensemble_is_the_mean_of_the_backbones(finished_demo):
    uid = finished_demo.study.bleed_series
    state = finished_demo.place.results / "state" / "series" / uid
    names = ("densenet121", "densenet169", "se_resnext101")
    backbones = [np.load(state / f"{name}_predictions.npy").mean(0) for name in names]
    ensemble = np.load(state / "ensemble_predictions.npy")
    np.testing.assert_allclose(ensemble, np.mean(backbones, 0), atol=1e-6)
    table = pd.read_csv(finished_demo.place.output / "predictions_per_slice.csv").set_index("ID")
    series = pd.read_csv(
        finished_demo.place.results / "processed" / "csv" / "series_csv" / f"{uid}.csv"
    )
    ids = [name.removesuffix(".png") for name in series["filename"]]
    np.testing.assert_allclose(table.loc[ids, list(CLASSES)], ensemble, atol=1e-7)
    assert series["Position2"].is_monotonic_increasing


def test_everything_says_that_the_weights_are_untrained(finished_demo):
    output = finished_demo.place.output
    manifest = json.loads((output / "saliency_panels" / "run_manifest.json").read_text())
    assert [entry["untrained_weights"] for entry in manifest] == [True, True]
    assert json.loads((output / "run_report.json").read_text())["untrained_weights"] is True
    ranking = pd.read_csv(output / "predictions_per_series.csv")
    assert ranking["untrained_weights"].to_list() == [True, True]
    assert ranking["rank"].to_list() == [1, 2]
    assert ranking["max_any"].is_monotonic_decreasing
    assert "untrained" in finished_demo.first.text


def test_the_terminal_tells_how_far_it_is(finished_demo):
    text = finished_demo.first.text
    assert "[1/2]" in text
    assert "[2/2]" in text
    assert "3/3 slices" in text
    assert " left)" in text
    assert "STEP_START" not in text
    assert "DEBUG" not in text


def test_a_second_run_changes_no_byte_and_scores_nothing(finished_demo):
    before = finished_demo.place.tree()
    again = finished_demo.place.batch()
    assert again.status == 0, again.text
    assert "nothing to do, unchanged: 2" in again.text
    assert "Loading networks" not in again.text
    assert finished_demo.place.tree() == before


def test_only_what_an_option_touches_runs_again(finished_demo, tmp_path, stand_in_models):
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    shutil.copytree(finished_demo.place.results, place.results)
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
    assert {name for name in after if after[name] != before[name]} == {"saliency_panels.json"}
    scores = pd.read_csv(place.output / "saliency_panels" / "all_slice_saliency_scores.csv")
    assert set(scores["saliency_method"]) == {"input_grad"}
    panels = list((place.output / "saliency_panels" / uid).glob("*.png"))
    assert len(panels) == 3


def test_a_bad_series_fails_alone(workplace):
    good, bad = _two_series(workplace.dicom)
    for path in (workplace.dicom / "bad").iterdir():
        path.write_bytes(path.read_bytes()[:-5000])
    write_localizer(workplace.dicom / "localizer")
    write_dose_report(workplace.dicom / "dose")
    inputs = _digests(workplace.dicom)
    done = workplace.batch()
    assert done.status == 1
    ledger = _ledger(workplace.output)
    assert ledger.loc[good, "state"] == "done"
    assert ledger.loc[bad, ["state", "found", "scored", "failed"]].to_list() == ["failed", 3, 0, 3]
    assert sorted(ledger["state"]) == ["done", "failed", "refused", "refused"]
    assert "truncated" in done.text
    assert bad in done.text
    assert "Traceback" not in done.text
    assert len(list((workplace.output / "saliency_panels" / good).glob("*.png"))) == 3
    report = json.loads((workplace.output / "run_report.json").read_text())
    assert report["slices"] == {"found": 8, "scored": 3, "refused": 2, "failed": 3, "waiting": 0}
    assert _digests(workplace.dicom) == inputs


def test_a_bad_slice_is_kept_out_and_marked_then_mended(workplace):
    good, bad = _two_series(workplace.dicom)
    broken = sorted((workplace.dicom / "bad").iterdir())[1]
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-5000])
    first = workplace.batch()
    assert first.status == 1
    ledger = _ledger(workplace.output)
    assert ledger.loc[good, "state"] == "done"
    assert ledger.loc[bad, ["state", "scored", "failed"]].to_list() == ["incomplete", 2, 1]
    manifest = json.loads((workplace.output / "saliency_panels" / "run_manifest.json").read_text())
    assert {e["series_id"]: e["complete"] for e in manifest} == {good: True, bad: False}
    not_scored = pd.read_csv(workplace.output / "slices_not_scored.csv")
    assert not_scored["path"].to_list() == [f"bad/{broken.name}"]
    strict = workplace.batch(
        "resources:\n  dicom: {config: {on_bad_slice: fail}}\n"
        "  networks: {config: {max_folds_per_backbone: 1}}\n"
        "  saliency: {config: {image_size_override: 64, method: gradcam}}\n"
    )
    assert strict.status == 1
    assert _ledger(workplace.output).loc[bad, ["state", "scored"]].to_list() == ["failed", 0]
    broken.write_bytes(whole)
    mended = workplace.batch()
    assert mended.status == 0, mended.text
    assert _ledger(workplace.output).loc[bad, ["state", "scored"]].to_list() == ["done", 3]


def test_missing_input_and_checkpoints_are_named(workplace, tmp_path):
    empty = workplace.batch()
    assert empty.status == 1
    assert "no DICOM file" in empty.text
    assert str(workplace.dicom) in empty.text
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    workplace.models = tmp_path / "nowhere"
    weightless = workplace.batch()
    assert weightless.status == 1
    assert "checkpoint missing: model_epoch_best_0.pth" in weightless.text
    assert str(tmp_path / "nowhere" / "2DNet") in weightless.text
    assert "Traceback" not in weightless.text


def test_new_weights_make_predictions_stale(workplace, stand_in_models):
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    assert workplace.batch().status == 0
    before = pd.read_csv(workplace.output / "predictions.csv")["Label"]
    models = workplace.root / "models"
    shutil.copytree(stand_in_models, models)
    folder = models / "2DNet" / "DenseNet169_change_avg_256"
    import torch

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


def test_the_demo_study_writes_the_files_of_the_reference(finished_demo):
    root = finished_demo.place.results
    study = finished_demo.study
    expected = {
        "processed/csv/test_meta_id_seriser.csv",
        "processed/csv/standard_test.csv",
        "processed/csv/summary.json",
        f"processed/csv/study_csv/{study.study}.csv",
        f"processed/csv/series_csv/{study.plain_series}.csv",
        "output/predictions.csv",
        "output/predictions_per_slice.csv",
        "output/predictions_per_series.csv",
        "output/run_report.json",
        "output/saliency_panels/run_manifest.json",
        "output/saliency_panels/all_slice_saliency_scores.csv",
        f"output/saliency_panels/{study.plain_series}/slice_saliency_scores.csv",
        f"output/saliency_panels/{study.plain_series}/series_prediction.json",
    }
    assert not [name for name in expected if not (root / name).is_file()]
    assert len(list((root / "processed" / "png").glob("ID_*.png"))) == 6
    assert not list(root.rglob(".part-*"))


def test_a_folder_of_localizers_is_no_success(workplace):
    write_localizer(workplace.dicom)
    done = workplace.batch()
    assert done.status == 1
    assert "none of the 1 series found can be scored" in done.text


def test_the_demo_runs_without_a_dagster_home(workplace):
    write_demo_study(workplace.dicom, slices=3)
    done = workplace.batch()
    assert done.status == 0, done.text
    assert len(pd.read_csv(workplace.output / "predictions_per_slice.csv")) == 6


def test_damaged_state_is_made_anew(finished_demo, tmp_path, stand_in_models):
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    shutil.copytree(finished_demo.place.results, place.results)
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


def test_a_full_disk_is_named_and_leaves_no_half_file(workplace):
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespace to be had")
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=512)
    workplace.results.mkdir()
    mount = f"mount -t tmpfs -o size=400k tmpfs '{workplace.results}'"
    look = f"find '{workplace.results}' -name '.part-*'"
    script = f'{mount} && "$@"; status=$?; {look}; exit $status'
    done = workplace.batch(prefix=["unshare", "-m", "sh", "-c", script, "sh"])
    assert done.status == 1
    assert "the disk is full" in done.text
    assert ".part-" not in done.text
    assert "Stack Trace" not in done.text


def test_a_series_that_left_the_input_is_named_and_kept(finished_demo, tmp_path, stand_in_models):
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    shutil.copytree(finished_demo.place.results, place.results)
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
