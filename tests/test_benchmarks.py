"""Texts show the numbers that were measured, and the demo's networks keep their bounds."""

import json
import subprocess
import sys

import pytest


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


@pytest.mark.slow
def test_the_benchmark_of_a_card_can_be_tried_on_the_processor(pytestconfig):
    script = pytestconfig.rootpath / "benchmarks" / "gpu.py"
    command = [sys.executable, script, "--device", "cpu", "--slices", "2", "--folds", "1"]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == ["| precision", "| float32", "| bfloat16"]
    assert all(float(row[1]) > 0 for row in rows[1:])
    assert float(rows[1][6]) == 0 < float(rows[2][6])
