"""The batch job through the real command line, on real files."""

import json

import numpy as np
import pandas as pd
import pytest

from ich_resources.demo.study import (
    write_demo_study,
)
from ich_resources.hemorrhage import CLASSES

pytestmark = pytest.mark.slow


def test_the_demo_study_is_scored_and_accounted_for(finished_demo):
    assert finished_demo.first.status == 0, finished_demo.first.text
    output, study = finished_demo.place.output, finished_demo.study
    ledger = finished_demo.place.ledger()
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


def test_the_demo_runs_without_a_dagster_home(workplace):
    write_demo_study(workplace.dicom, slices=3)
    done = workplace.batch()
    assert done.status == 0, done.text
    assert len(pd.read_csv(workplace.output / "predictions_per_slice.csv")) == 6
