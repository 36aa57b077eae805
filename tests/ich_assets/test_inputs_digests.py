"""Which change makes which step stale."""

from dataclasses import replace
from pathlib import Path

import pytest

from ich_assets.inputs_digests import (
    FORMULAS,
    predictions_digest,
    processed_digest,
    saliency_digest,
    series_steps,
)
from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.digests import fingerprint
from ich_resources.inference.resource import NetworksResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesRecord, SliceRecord
from ich_resources.steps import CODE_VERSIONS, ENSEMBLE, PROCESSED, STEPS

SERIES = SeriesRecord("1.1", "1.2", "", (SliceRecord("a", "1.2.1", "aa", None, 0.0, 0.0),))
VERSIONS = {PROCESSED: "images 1", ENSEMBLE: "bars 1"}
FILE = CheckpointFile("DenseNet121_change_avg", Path("/m/a.pth"), "digest 1", expected=False)


def _saliency(versions=VERSIONS, files=(FILE,), networks=None, **options) -> str:
    networks = networks or NetworksResource()
    return saliency_digest(versions, files, networks, SaliencyResource(**options))


def test_every_step_has_a_formula():
    assert set(FORMULAS) == {step.code for step in STEPS}


def test_slice_images_depend_on_content_alone():
    first = processed_digest(SERIES.version)
    moved = replace(SERIES, slices=(replace(SERIES.slices[0], path="elsewhere/b"),))
    assert processed_digest(moved.version) == first
    changed = replace(SERIES, slices=(replace(SERIES.slices[0], digest="bb"),))
    assert processed_digest(changed.version) != first


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
    ],
)
def test_panels_depend_on_what_is_drawn(options):
    assert _saliency(**options) != _saliency()


def test_panels_do_not_depend_on_what_is_not_used():
    assert _saliency(batch_size=1) == _saliency()
    assert _saliency(single_fold=3) == _saliency()
    assert _saliency(mode="single", single_fold=3) != _saliency(mode="single")
    assert _saliency(VERSIONS | {ENSEMBLE: "bars 2"}) != _saliency()
    assert _saliency(VERSIONS | {PROCESSED: "images 2"}) != _saliency()


def test_the_code_version_is_part_of_the_digest():
    ours, other = CODE_VERSIONS["processed_series"], "another"
    assert processed_digest("v") == fingerprint({"code": ours, "series": "v"})
    assert processed_digest("v") != fingerprint({"code": other, "series": "v"})


def test_digests_are_those_of_earlier_versions():
    """Written down when code version 1 was made: a run root of then is taken over."""
    assert processed_digest("v") == PROCESSED_V
    assert predictions_digest("images 1", [FILE], NetworksResource()) == PREDICTIONS_1
    assert _saliency() == SALIENCY_1


PROCESSED_V = "eb0a53399a15685a4779132a7c95a2ffff4334890f656c8458ea3305104abea3"
PREDICTIONS_1 = "9a045611057f338f4bb4cff98c4bbd644be3a4de1802754c2b62115d3aff0c17"
SALIENCY_1 = "12e0940909e12149ecc015ae1d788ad0c837b62c063b53628517a0990b537962"


def test_steps_follow_the_choice_of_backbones():
    chosen = NetworksResource(backbones=["se_resnext101_32x4d", "DenseNet121_change_avg"])
    assert series_steps(chosen) == [
        "processed_series",
        "densenet121_predictions",
        "se_resnext101_predictions",
        "ensemble_predictions",
        "saliency_panels",
    ]
