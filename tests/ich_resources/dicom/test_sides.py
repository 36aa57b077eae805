"""The letters at the edges of an image, by hand."""

import math

import pytest

from ich_resources.dicom.sides import sides


def _tilted(degrees: float) -> tuple[float, ...]:
    angle = math.radians(degrees)
    return (1, 0, 0, 0, math.cos(angle), -math.sin(angle))


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        ((1, 0, 0, 0, 1, 0), "RLAP"),  # as usual: the patient's right is on the left
        ((-1, 0, 0, 0, 1, 0), "LRAP"),  # mirrored
        ((-1, 0, 0, 0, -1, 0), "LRPA"),  # prone
        ((0, 1, 0, 1, 0, 0), "APRL"),
        ((1, 0, 0, 0, 0, -1), "RLHF"),  # coronal
        (_tilted(18.5), "RLAP"),
        (_tilted(30), "RLAP"),
        (_tilted(45), ""),
        ((2, 0, 0, 0, 2, 0), "RLAP"),
        ((0, 0, 0, 0, 1, 0), ""),
        ((math.nan, 0, 0, 0, 1, 0), ""),
        (None, ""),
    ],
)
def test_letters(orientation, expected):
    assert sides(orientation) == expected
