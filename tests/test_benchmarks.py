"""The figures of the demo's networks are within their bounds, and the texts are those measured."""

import importlib.util
import json

import pytest


@pytest.fixture(scope="module")
def demo(pytestconfig) -> dict:
    return json.loads((pytestconfig.rootpath / "benchmarks" / "demo.json").read_text())


def test_the_demo_networks_reach_their_bounds(demo):
    assert demo["patients"] >= 30
    assert len(demo["seeds"]) >= 3
    for one in demo["seeds"]:
        assert one["auc_by_slice"]["any"] >= 0.95
        assert one["demo_without_above_with"] == 0
        assert one["demo_highest_without"] < one["demo_lowest_with_bleed"]
        assert one["weighted_log_loss"] < one["prior"]


def test_the_page_shows_what_was_measured(demo, pytestconfig):
    path = pytestconfig.rootpath / "benchmarks" / "demo.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_the_demo", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (pytestconfig.rootpath / "benchmarks" / "README.md").read_text()
    assert module.table(demo["seeds"]) in page
