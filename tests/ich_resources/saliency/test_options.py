"""What one may look at, and which slices."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from ich_resources.saliency.options import SaliencyOptions, middle_slices
from ich_resources.saliency.resource import SaliencyResource


def test_defaults_of_the_reference():
    options = SaliencyOptions()
    assert options.mode == "ensemble"
    assert options.target_class is None
    assert options.image_size_override is None
    assert options.max_slices_per_series is None
    assert options.single_fold == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_class": "fracture"},
        {"target_class": ""},
        {"single_backbone": "resnet50"},
        {"single_fold": 5},
        {"single_fold": -1},
        {"image_size_override": 63},
        {"max_slices_per_series": 0},
    ],
)
def test_values_that_are_none(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SaliencyOptions(**wrong)


@pytest.mark.parametrize(
    "right",
    [
        {"target_class": "subdural"},
        {"image_size_override": 64},
        {"image_size_override": 224},
        {"max_slices_per_series": 1},
        {"mode": "single", "single_backbone": "se_resnext101_32x4d", "single_fold": 4},
    ],
)
def test_the_door_hands_on_what_is_configured(right):
    options = SaliencyResource(**right, preset="reference").options
    assert options == SaliencyOptions(**{"method": "gradcampp"} | right)
    assert SaliencyResource(**right).options == replace(options, align=True)


def test_a_preset_sets_three_fields_and_each_can_be_set_by_itself():
    assert SaliencyResource().appearance == ("bars", "probability", True)
    assert SaliencyResource(preset="reference").appearance == ("networks", "map", False)
    assert SaliencyResource(preset="reference", align=True).appearance == ("networks", "map", True)
    assert SaliencyResource(scale="map", align=False).appearance == ("bars", "map", False)


def test_manifests_of_the_reference_know_no_preset():
    values = SaliencyResource(preset="reference").values
    assert not {"preset", "target", "scale", "align", "batch_size"} & set(values)
    assert SaliencyResource().values == {"preset": "clear", "target": "bars"} | {
        "scale": "probability",
        "align": True,
        **values,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "pretty"},
        {"target": "all"},
        {"mode": "both"},
        {"method": "lime"},
        {"batch_size": 0},
        {"single_fold": 5},
    ],
)
def test_the_door_refuses_what_no_one_knows(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        SaliencyResource(**wrong)


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [
        (5, None, [0, 1, 2, 3, 4]),
        (5, 5, [0, 1, 2, 3, 4]),
        (5, 9, [0, 1, 2, 3, 4]),
        (5, 3, [1, 2, 3]),
        (5, 1, [2]),
        (5, 2, [1, 2]),
        (6, 2, [2, 3]),
        (6, 3, [1, 2, 3]),
        (1, 1, [0]),
        (0, 3, []),
    ],
)
def test_middle_slices(count, most, expected):
    assert list(middle_slices(count, most)) == expected
