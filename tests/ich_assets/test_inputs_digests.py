"""Which change makes which step stale."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from trained_files import save, trained

from ich_assets.asked_objects import objects_digest
from ich_assets.current_records import series_steps
from ich_assets.inputs_digests import (
    FORMULAS,
    predictions_digest,
    processed_digest,
    saliency_digest,
    saliency_files,
)
from ich_assets.resources import SeriesResources
from ich_assets.thresholds import panel_threshold
from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.errors import CheckpointError
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesRecord, SliceRecord
from ich_resources.steps import CODE_VERSIONS, ENSEMBLE, PROCESSED, SALIENCY, SOURCE, STEPS, Option
from ich_resources.storage.resource import ResultsResource, StorageResource

SERIES = SeriesRecord("1.1", "1.2", "", (SliceRecord("a", "1.2.1", "aa", None, 0.0, 0.0),))
VERSIONS = {PROCESSED: "images 1", ENSEMBLE: "bars 1"}
FILE = CheckpointFile("DenseNet121_change_avg", Path("/m/a.pth"), "digest 1", expected=False)


def _saliency(versions=VERSIONS, files=(FILE,), networks=None, **options) -> str:
    networks = networks or NetworksResource()
    return saliency_digest(versions, files, networks, SaliencyResource(**options))


def test_every_step_has_a_formula():
    assert set(FORMULAS) == {step.code for step in STEPS}


def test_slice_images_depend_on_content_alone():
    first = processed_digest(SERIES.version, DicomResource())
    moved = replace(SERIES, slices=(replace(SERIES.slices[0], path="elsewhere/b"),))
    assert processed_digest(moved.version, DicomResource()) == first
    changed = replace(SERIES, slices=(replace(SERIES.slices[0], digest="bb"),))
    assert processed_digest(changed.version, DicomResource()) != first


def test_slice_images_depend_on_window_and_mending_only_where_they_are_changed():
    plain = fingerprint({"code": CODE_VERSIONS[PROCESSED], "series": SERIES.version})
    defaults = DicomResource(window="header", mend_12bit=False, threads=1, on_bad_slice="fail")
    assert processed_digest(SERIES.version, defaults) == plain
    changed = [
        DicomResource(window="header_brain"),
        DicomResource(window="40/80"),
        DicomResource(window="35/80"),
        DicomResource(mend_12bit=True),
        DicomResource(mend_signed=True),
    ]
    digests = {processed_digest(SERIES.version, dicom) for dicom in changed}
    assert len(digests | {plain}) == 6
    same = processed_digest(SERIES.version, DicomResource(window="40.0 / 80"))
    assert same == processed_digest(SERIES.version, changed[1])


def test_probabilities_depend_on_images_weights_and_context_not_on_the_machine():
    first = predictions_digest("images 1", [FILE], NetworksResource())
    elsewhere = NetworksResource(device="cuda", batch_size=1, model_dir="/other")
    assert predictions_digest("images 1", [FILE], elsewhere) == first
    others = [
        predictions_digest("images 2", [FILE], NetworksResource()),
        predictions_digest("images 1", [replace(FILE, digest="digest 2")], NetworksResource()),
        predictions_digest("images 1", [FILE, FILE], NetworksResource()),
        predictions_digest("images 1", [FILE], NetworksResource(slice_context="adjacent")),
        predictions_digest("images 1", [FILE], NetworksResource(precision="bfloat16")),
    ]
    assert len({first, *others}) == 6


@pytest.mark.parametrize(
    "options",
    [
        {"method": "gradcam"},
        {"mode": "single"},
        {"target_class": "subdural"},
        {"image_size_override": 224},
        {"max_slices_per_series": 3},
        {"preset": "reference"},
        {"target": "networks"},
        {"scale": "map"},
        {"align": False},
    ],
)
def test_panels_depend_on_what_is_drawn(options):
    assert _saliency(**options) != _saliency()


def test_another_size_than_the_one_that_a_checkpoint_carries_is_an_error(tmp_path):
    path = tmp_path / BACKBONES[FILE.backbone].folder / checkpoint_name(0)
    save(path, {}, trained(input_size=96).to_plain())
    networks = NetworksResource(model_dir=str(tmp_path), backbones=[FILE.backbone])
    (found,) = saliency_files(networks, SaliencyResource())
    assert found.input_size == 96
    with pytest.raises(CheckpointError) as caught:
        saliency_files(networks, SaliencyResource(image_size_override=224))
    assert caught.value.path == path
    assert "image_size_override is 224, and this checkpoint carries its own input size, 96" in str(
        caught.value
    )
    assert caught.value.remedy == "leave saliency.image_size_override out"


def test_what_a_preset_sets_by_itself_changes_nothing():
    same = {"target": "bars", "scale": "probability", "align": True}
    assert _saliency(**same) == _saliency(preset="clear") == _saliency()
    same = {"target": "networks", "scale": "map", "align": False}
    assert _saliency(preset="reference", **same) == SALIENCY_1
    assert _saliency(preset="reference", align=True) != SALIENCY_1
    assert _saliency(**same) != SALIENCY_1, "the panel says more"


def test_a_threshold_is_part_of_the_digest_of_panels_that_know_it():
    def panels(threshold, preset="clear"):
        saliency, networks = SaliencyResource(preset=preset), NetworksResource()
        found = panel_threshold(saliency, ResultsResource(threshold=threshold), networks)
        return saliency_digest(VERSIONS, [FILE], networks, saliency, found)

    assert panels(None) == _saliency()
    assert len({panels(value) for value in (None, 0.5, 0.25, 0.0)}) == 4
    assert panels(0.5, "reference") == panels(None, "reference") == SALIENCY_1


def test_panels_do_not_depend_on_what_is_not_used():
    assert _saliency(batch_size=1) == _saliency()
    assert _saliency(single_fold=3) == _saliency()
    assert _saliency(mode="single", single_fold=3) != _saliency(mode="single")
    assert _saliency(VERSIONS | {ENSEMBLE: "bars 2"}) != _saliency()
    assert _saliency(VERSIONS | {PROCESSED: "images 2"}) != _saliency()


def test_the_code_version_is_part_of_the_digest():
    ours, other = CODE_VERSIONS["processed_series"], "another"
    digest = processed_digest("v", DicomResource())
    assert digest == fingerprint({"code": ours, "series": "v"})
    assert digest != fingerprint({"code": other, "series": "v"})


def test_digests_are_those_of_earlier_versions():
    """Written down when these code versions were made: a run root of then is taken over."""
    assert processed_digest("v", DicomResource()) == PROCESSED_2
    assert predictions_digest("images 1", [FILE], NetworksResource()) == PREDICTIONS_1
    assert _saliency(preset="reference") == SALIENCY_1


PROCESSED_2 = "52e1afd93645f9eea49e95caad5fcc7b3f3f256cb1a4aec4cd73ca8d40b58fa0"
PREDICTIONS_1 = "9a045611057f338f4bb4cff98c4bbd644be3a4de1802754c2b62115d3aff0c17"
SALIENCY_1 = "12e0940909e12149ecc015ae1d788ad0c837b62c063b53628517a0990b537962"


def _resources(networks: NetworksResource, results: ResultsResource) -> SeriesResources:
    saliency, panels = SaliencyResource(), PanelsResource()
    storage = StorageResource(run_root="/nowhere")
    return SeriesResources(DicomResource(), networks, saliency, panels, storage, results)


def test_steps_follow_the_choice_of_backbones_and_objects():
    chosen = NetworksResource(backbones=["se_resnext101_32x4d", "DenseNet121_change_avg"])
    steps = [
        "processed_series",
        "densenet121_predictions",
        "se_resnext101_predictions",
        "ensemble_predictions",
        "saliency_panels",
    ]
    assert series_steps(_resources(chosen, ResultsResource())) == steps
    for results in (ResultsResource(dicom="on"), ResultsResource(key_file="/keys.csv")):
        assert series_steps(_resources(chosen, results)) == [*steps, "dicom_results"]


def test_every_option_of_the_table_can_be_switched_on():
    off = _resources(NetworksResource(), ResultsResource())
    assert off.options == ()
    assert off._replace(networks=NetworksResource(sequence="on")).options == ("sequence",)
    on = _resources(NetworksResource(sequence="on"), ResultsResource(dicom="on"))
    assert set(on.options) == {step.option for step in STEPS} - {None} == set(get_args(Option))
    assert series_steps(on) == [step.name for step in STEPS]


def test_objects_depend_on_the_results_and_on_what_is_asked_for():
    versions = {step: f"{step} 1" for step in (SOURCE, PROCESSED, ENSEMBLE, SALIENCY)}
    asked = [{}, {"dicom": "on"}, {"dicom": "on", "parametric_map": "on"}, {"threshold": 0.5}]
    found = [
        objects_digest(versions, _resources(NetworksResource(), ResultsResource(**options)))
        for options in asked
    ]
    plain = _resources(NetworksResource(), ResultsResource())
    found += [objects_digest(versions | {step: "2"}, plain) for step in versions]
    assert len(set(found)) == len(found)
    keyed = _resources(NetworksResource(), ResultsResource(key_file="/keys.csv"))
    assert objects_digest(versions, keyed) == found[0]  # the place of the key file changes nothing
