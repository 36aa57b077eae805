"""The checks see a result that has been tampered with, and the blocking ones block."""

import json
import shutil

import dagster as dg
import numpy as np
import pytest
from workplace import Workplace

from ich_assets.checks import CHECKS
from ich_assets.definitions import defs
from ich_resources.recipe import ENSEMBLE, PROCESSED
from ich_resources.storage.layout import Layout


@pytest.fixture
def tampered(finished_demo, tmp_path, stand_in_models):
    """A copy of the finished demo's results, to be damaged."""
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.results, place.results)
    return place, finished_demo.study.bleed_series


def _evaluate(place: Workplace, uid: str) -> dict[str, dg.AssetCheckEvaluation]:
    resources = {
        name: {"config": config}
        for name, config in {
            "storage": {"run_root": str(place.results)},
            "saliency": {"image_size_override": 64, "method": "gradcam"},
        }.items()
    }
    job = dg.define_asset_job(
        "only_checks",
        selection=dg.AssetSelection.checks(*CHECKS),
        executor_def=dg.in_process_executor,
    )
    both = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("series", [uid])
        result = both.resolve_job_def("only_checks").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={"dagster/partition": uid},
            run_config={"resources": resources},
        )
    return {e.check_name: e for e in result.get_asset_check_evaluations()}


def _passed(place: Workplace, uid: str) -> dict[str, bool]:
    return {name: evaluation.passed for name, evaluation in _evaluate(place, uid).items()}


def test_all_pass_on_an_untouched_result_and_carry_numbers(tampered):
    evaluations = _evaluate(*tampered)
    assert {name: e.passed for name, e in evaluations.items()} == {
        "slice_accounting": True,
        "series_complete": True,
        "slice_order": True,
        "probabilities_valid": True,
        "panel_per_slice": True,
    }
    assert evaluations["slice_accounting"].metadata["found"].value == 3
    assert evaluations["slice_order"].metadata["smallest_gap_mm"].value == 5.0
    assert {e.partition for e in evaluations.values()} == {tampered[1]}


def test_a_slice_that_vanishes_from_the_books_is_noticed(tampered):
    place, uid = tampered
    layout = Layout(place.results)
    path = layout.record(uid, PROCESSED)
    record = json.loads(path.read_text())
    record["content"]["slices"].pop()
    path.write_text(json.dumps(record))
    array = layout.array(uid, PROCESSED)
    np.save(array, np.load(array)[:-1])
    passed = _passed(place, uid)
    assert not passed["slice_accounting"]
    assert not passed["probabilities_valid"]


def test_a_value_that_is_no_probability_is_noticed(tampered):
    place, uid = tampered
    array = Layout(place.results).array(uid, ENSEMBLE)
    values = np.load(array)
    values[0, 0], values[1, 1] = np.nan, 1.5
    np.save(array, values)
    evaluation = _evaluate(place, uid)["probabilities_valid"]
    assert not evaluation.passed
    assert evaluation.metadata["not_finite"].value == 1
    assert evaluation.metadata["outside_0_1"].value == 1


def test_a_panel_too_many_is_noticed(tampered):
    place, uid = tampered
    folder = Layout(place.results).series_panels(uid)
    panel = next(folder.glob("*.png"))
    shutil.copy(panel, folder / f"999{panel.name[3:]}")
    assert not _passed(place, uid)["panel_per_slice"]


def test_the_accounting_and_the_probabilities_block():
    blocking = {
        key.name
        for check in CHECKS
        for key in check.check_keys
        if check.get_spec_for_check_key(key).blocking
    }
    assert blocking == {"slice_accounting", "probabilities_valid", "panel_per_slice"}
