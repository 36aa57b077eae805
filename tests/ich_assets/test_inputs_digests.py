"""Which change makes which step stale."""

from dataclasses import replace
from pathlib import Path

import pytest

from ich_assets.inputs_digests import (
    all_steps,
    predictions_recipe,
    processed_recipe,
    saliency_recipe,
)
from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.inference.resource import NetworksResource
from ich_resources.recipe import CODE_VERSIONS, fingerprint
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesRecord, SliceRecord
from ich_resources.storage.records import Record

SERIES = SeriesRecord("1.1", "1.2", "", (SliceRecord("a", "1.2.1", "aa", None, 0.0, 0.0),))
IMAGES = Record("r", "images 1", (), {})
BARS = Record("r", "bars 1", (), {})
FILE = CheckpointFile("DenseNet121_change_avg", Path("/m/a.pth"), "digest 1", expected=False)


def _saliency(images=IMAGES, bars=BARS, files=(FILE,), networks=None, **options) -> str:
    networks = networks or NetworksResource()
    return saliency_recipe(images, bars, list(files), networks, SaliencyResource(**options))


def test_slice_images_depend_on_content_alone():
    first = processed_recipe(SERIES)
    moved = replace(SERIES, slices=(replace(SERIES.slices[0], path="elsewhere/b"),))
    assert processed_recipe(moved) == first
    changed = replace(SERIES, slices=(replace(SERIES.slices[0], digest="bb"),))
    assert processed_recipe(changed) != first


def test_probabilities_depend_on_images_weights_and_context_not_on_the_machine():
    first = predictions_recipe(IMAGES, [FILE], NetworksResource())
    elsewhere = NetworksResource(device="cuda", batch_size=1, model_dir="/other")
    assert predictions_recipe(IMAGES, [FILE], elsewhere) == first
    others = [
        predictions_recipe(replace(IMAGES, data_version="images 2"), [FILE], NetworksResource()),
        predictions_recipe(IMAGES, [replace(FILE, digest="digest 2")], NetworksResource()),
        predictions_recipe(IMAGES, [FILE, FILE], NetworksResource()),
        predictions_recipe(IMAGES, [FILE], NetworksResource(slice_context="adjacent")),
    ]
    assert len({first, *others}) == 5


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
    assert _saliency(bars=replace(BARS, data_version="bars 2")) != _saliency()


def test_the_code_version_is_part_of_the_recipe():
    parts = {"series": SERIES.version}
    ours, other = CODE_VERSIONS["processed_series"], "another"
    assert processed_recipe(SERIES) == fingerprint({"code": ours, **parts})
    assert processed_recipe(SERIES) != fingerprint({"code": other, **parts})


def test_steps_follow_the_choice_of_backbones():
    chosen = NetworksResource(backbones=["se_resnext101_32x4d", "DenseNet121_change_avg"])
    assert all_steps(chosen) == [
        "processed_series",
        "densenet121_predictions",
        "se_resnext101_predictions",
        "ensemble_predictions",
        "saliency_panels",
    ]
