"""The checks see a result that has been tampered with, and the blocking ones block."""

import json
import shutil

import dagster as dg
import numpy as np
import pytest
from workplace import Workplace

from ich_assets.checks.listed import CHECKS, SERIES_CHECKS
from ich_assets.definitions import defs
from ich_resources.steps import ENSEMBLE, PROCESSED
from ich_resources.storage.layout import Layout
from ich_resources.subjects import series_subject


@pytest.fixture
def tampered(demo_copy, finished_demo):
    """A copy of the finished demo's results, to be damaged."""
    return demo_copy, finished_demo.study.bleed_series


def _change(layout: Layout, uid: str, step: str, change) -> None:
    """Change what a record says, and make it valid for the files as they are now."""
    path = layout.record(series_subject(uid), step)
    record = json.loads(path.read_text())
    change(record["content"])
    record["sizes"] = [(layout.run_root / name).stat().st_size for name in record["files"]]
    for key in ("digests", "checksum"):  # a record of an earlier version has none
        record.pop(key, None)
    path.write_text(json.dumps(record))


def _evaluate(place: Workplace, uid: str, **networks: object) -> dict[str, dg.AssetCheckEvaluation]:
    resources = {
        name: {"config": config}
        for name, config in {
            "storage": {"run_root": str(place.results)},
            "saliency": {"image_size_override": 64, "method": "gradcam"},
            "networks": networks,
        }.items()
    }
    job = dg.define_asset_job(
        "only_checks",
        selection=dg.AssetSelection.checks(*SERIES_CHECKS),
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
    # Untrained networks owe nobody a P(any) above the subtypes.
    assert evaluations.pop("any_covers_subtypes").metadata["largest_shortfall"].value > -1
    assert {name: e.passed for name, e in evaluations.items()} == {
        "slice_accounting": True,
        "series_complete": True,
        "slice_order": True,
        "brain_window": True,
        "plausible_values": True,
        "folds_agree": True,
        "not_trained_on": True,
        "precision_holds": True,
        "probabilities_valid": True,
        "panel_per_slice": True,
    }
    assert evaluations["slice_accounting"].metadata["found"].value == 3
    assert evaluations["slice_order"].metadata["smallest_gap_mm"].value == 5.0
    assert evaluations["folds_agree"].description.startswith("not applicable")
    assert {e.partition for e in evaluations.values()} == {tampered[1]}


def test_a_slice_that_vanishes_from_the_books_is_noticed(tampered):
    place, uid = tampered
    layout = Layout(place.results)
    array = layout.array(series_subject(uid), PROCESSED)
    np.save(array, np.load(array)[:-1])
    _change(layout, uid, PROCESSED, lambda content: content["slices"].pop())
    passed = _passed(place, uid)
    assert not passed["slice_accounting"]
    assert not passed["probabilities_valid"]


def test_a_value_that_is_no_probability_is_noticed(tampered):
    place, uid = tampered
    layout = Layout(place.results)
    array = layout.array(series_subject(uid), ENSEMBLE)
    values = np.load(array)
    values[0, 0], values[1, 1] = np.nan, 1.5
    np.save(array, values)
    _change(layout, uid, ENSEMBLE, lambda content: None)
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


def test_doubts_warn_with_their_numbers(tampered):
    place, uid = tampered
    layout = Layout(place.results)
    values = np.full((3, 6), 0.1, np.float32)
    values[1, 5] = 0.9
    np.save(layout.array(series_subject(uid), ENSEMBLE), values)
    _change(layout, uid, ENSEMBLE, lambda content: None)
    folds = np.full((2, 3, 6), 0.1, np.float32)
    folds[1, 2, 0] = 0.95
    np.save(layout.array(series_subject(uid), "densenet121_predictions"), folds)
    step = "densenet121_predictions"
    _change(layout, uid, step, lambda content: content["folds"].extend(content["folds"]))
    seen = {"trained_on_study": True}
    _change(layout, uid, step, lambda content: content["folds"][1].update(seen))
    wide = {"window": [500, 2500]}
    _change(layout, uid, PROCESSED, lambda content: content["slices"][0].update(wide))
    told = {"code": "FEW_GRAY_LEVELS", "reason": "8 gray levels"}
    _change(layout, uid, PROCESSED, lambda content: content["remarks"].append(told))
    evaluations = _evaluate(place, uid)
    shortfall = evaluations["any_covers_subtypes"]
    assert not shortfall.passed
    assert shortfall.metadata["largest_shortfall"].value == pytest.approx(0.8, abs=1e-3)
    assert shortfall.metadata["slice"].value == 2, "from 1, as on the pages"
    spread = evaluations["folds_agree"]
    assert not spread.passed and spread.description is None
    leak = evaluations["not_trained_on"]
    assert not leak.passed and leak.severity == dg.AssetCheckSeverity.WARN
    assert leak.metadata["trained_on_this_study"].value == [
        "DenseNet121_change_avg/model_epoch_best_0.pth"
    ]
    assert leak.metadata["networks_that_list_their_studies"].value == 1
    assert leak.metadata["networks"].value == 4
    assert spread.metadata["DenseNet121_change_avg"].value == pytest.approx(0.85, abs=1e-3)
    window = evaluations["brain_window"]
    assert not window.passed
    assert window.metadata["not_for_brain_hu"].value == "500/2500"
    values = evaluations["plausible_values"]
    assert not values.passed
    assert values.description == "FEW_GRAY_LEVELS: 8 gray levels"
    warnings = [shortfall, spread, window, values]
    assert {e.severity for e in warnings} == {dg.AssetCheckSeverity.WARN}


@pytest.mark.slow
def test_checkpoints_without_a_known_digest_are_named(stand_in_models, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(stand_in_models, models)
    listed = (models / "checkpoints.sha256").read_text().splitlines(keepends=True)
    (models / "checkpoints.sha256").write_text("".join(listed[1:]))
    resources = {"networks": {"config": {"model_dir": str(models), "max_folds_per_backbone": 1}}}
    with dg.instance_for_test() as instance:
        result = defs.resolve_job_def("ich_checkpoints").execute_in_process(
            instance=instance, run_config={"resources": resources}
        )
    passed = {e.asset_key.to_user_string(): e.passed for e in result.get_asset_check_evaluations()}
    assert passed == {
        "densenet121_checkpoints": False,
        "densenet169_checkpoints": True,
        "se_resnext101_checkpoints": True,
    }


def test_the_accounting_and_the_probabilities_block():
    blocking = {
        key.name
        for check in CHECKS
        for key in check.check_keys
        if check.get_spec_for_check_key(key).blocking
    }
    assert blocking == {"slice_accounting", "probabilities_valid", "panel_per_slice"}


def test_a_lower_precision_is_compared_with_float32(tampered):
    place, uid = tampered
    options = {
        "model_dir": str(place.models),
        "max_folds_per_backbone": 1,
        "precision": "bfloat16",
        "backend": "pytorch",  # computes in bfloat16 on every processor
    }
    check = _evaluate(place, uid, **options)["precision_holds"]
    assert check.passed  # what lies on disk was made in float32
    assert check.metadata["DenseNet121_change_avg_largest_change"].value <= 1e-3
    layout, step = Layout(place.results), "densenet121_predictions"
    path = layout.array(series_subject(uid), step)
    np.save(path, 1 - np.load(path))
    _change(layout, uid, step, lambda content: None)
    check = _evaluate(place, uid, **options)["precision_holds"]
    assert not check.passed
    assert check.metadata["DenseNet121_change_avg_share_beyond"].value > 0.5
    assert check.metadata["se_resnext101_32x4d_share_beyond"].value == 0
