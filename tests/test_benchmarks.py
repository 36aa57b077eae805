"""Texts show the numbers that were measured, and the demo's networks keep their bounds."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from workplace import Workplace

from ich_resources.demo.study import write_series
from ich_resources.hemorrhage import CLASSES


@pytest.fixture(scope="module")
def demo(pytestconfig) -> dict:
    return json.loads((pytestconfig.rootpath / "benchmarks" / "demo.json").read_text())


def test_the_networks_of_the_demo_find_bleeds_in_patients_they_were_not_trained_on(demo):
    assert demo["patients"] >= 30
    assert len({one["seed"] for one in demo["seeds"]}) >= 3
    for one in demo["seeds"]:
        assert one["auc_by_slice"]["any"] >= 0.95
        assert one["weighted_log_loss"] < one["prior"]


def test_in_the_demo_no_series_without_a_bleed_stands_above_one_with(demo):
    for one in demo["seeds"]:
        assert one["demo_without_above_with"] == 0
        assert one["demo_highest_without"] < one["demo_lowest_with_bleed"]


def test_the_table_of_the_page_is_that_of_the_numbers(demo, pytestconfig, monkeypatch):
    folder = pytestconfig.rootpath / "benchmarks"
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    from demo import table

    assert table(demo["seeds"]) in (folder / "README.md").read_text()


def test_the_readme_names_the_lowest_and_the_highest_auc(demo, pytestconfig):
    found = sorted(one["auc_by_slice"]["any"] for one in demo["seeds"])
    text = (pytestconfig.rootpath / "README.md").read_text()
    assert f"AUC for `any` of {found[0]} to {found[-1]} by slice" in text
    assert f"On {demo['patients']}\nphantom patients" in text


@pytest.fixture
def report(pytestconfig, monkeypatch):
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath / "benchmarks"))
    import report

    return report


@pytest.fixture(scope="module")
def measured(pytestconfig) -> dict:
    return json.loads((pytestconfig.rootpath / "benchmarks" / "results.json").read_text())


def test_the_readme_shows_what_make_bench_has_measured(measured, report, pytestconfig):
    text = (pytestconfig.rootpath / "README.md").read_text()
    rows = report.figures(measured)
    assert "\n".join(rows[1:]) in text
    assert rows[0] in text
    cores, seconds = measured["machine"]["cores"], measured["warm"]["seconds"]
    assert (
        f"| seconds | {seconds:.0f} | one study: 28 slices, 15 checkpoints, {cores} cores" in text
    )
    assert report.with_figures(text, measured) == text


def test_the_tables_of_the_page_are_those_of_make_bench(measured, report, pytestconfig):
    text = (pytestconfig.rootpath / "benchmarks" / "README.md").read_text()
    assert text.count(report.MARK) == 1
    assert report.with_tables(text, measured) == text


def test_a_ratio_is_that_of_the_whole_loop_or_of_the_loop_without_its_start(measured, report):
    found, loop = report.ratios(measured), measured["loop"]
    whole = sum(loop[name]["seconds"] for name in ("images", "predictions", "saliency"))
    bare = sum(loop[name]["without_start"] for name in ("images", "predictions", "saliency"))
    assert whole > bare + sum(part["loading"] for part in loop.values())
    assert found["warm"] == pytest.approx(whole / measured["warm"]["seconds"])
    further = measured["several"]["series"] - measured["warm"]["series"]
    each = measured["several"]["seconds"] - measured["warm"]["seconds"]
    assert found["further"] == pytest.approx(bare * further / each)


@pytest.mark.slow
def test_the_loop_that_we_are_compared_with_finds_the_same(pytestconfig, stand_in_models, tmp_path):
    script, work = pytestconfig.rootpath / "benchmarks" / "reference.py", tmp_path / "loop"
    place = Workplace(tmp_path, stand_in_models)
    write_series(place.dicom, name="head", slices=3, bleed=True, size=128)
    for program, source in (
        ("images", place.dicom),
        ("predictions", stand_in_models),
        ("saliency", stand_in_models),
    ):
        command = [sys.executable, script, program, source, work]
        subprocess.run([*command, "--folds", "1", "--saliency-size", "64"], check=True)
    done = place.batch(
        "resources:\n  networks: {config: {max_folds_per_backbone: 1}}\n"
        "  saliency: {config: {image_size_override: 64, preset: reference}}\n"
    )
    assert done.status == 0, done.text
    images = {path.stem.partition("_")[2]: path for path in sorted(work.glob("png/*.png"))}
    assert len(images) == 3
    for uid, path in images.items():
        ours = place.results / "processed" / "png" / f"ID_{uid}.png"
        assert np.array_equal(cv2.imread(str(path), 0), cv2.imread(str(ours), 0))
    tables = {
        name: pd.read_csv(Path(place.output, name)).set_index("filename")
        for name in ("predictions_per_slice.csv", "saliency_panels/all_slice_saliency_scores.csv")
    }
    slices, scores = (table.loc[[f"ID_{uid}.png" for uid in images]] for table in tables.values())
    folds = np.load(work / "probabilities.npz")
    expected = np.mean([folds[name].mean(0) for name in folds], axis=0)
    assert np.abs(slices[list(CLASSES)].to_numpy() - expected).max() < 1e-4
    assert np.abs(scores["saliency_score"] - np.load(work / "scores.npy")).max() < 1e-3
    assert len(list(work.glob("panels/*.png"))) == 3


@pytest.mark.slow
def test_the_benchmark_of_a_card_can_be_tried_on_the_processor(pytestconfig):
    script = pytestconfig.rootpath / "benchmarks" / "gpu.py"
    command = [sys.executable, script, "--device", "cpu", "--slices", "2", "--folds", "1"]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == ["| precision", "| float32", "| bfloat16"]
    assert all(float(row[1]) > 0 for row in rows[1:])
    assert 0 < float(rows[2][6]) < 0.5
