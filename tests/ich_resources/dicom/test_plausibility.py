"""Values of a whole series that are not HU fail it; unusual values that are HU do not."""

import numpy as np
import pytest
from pixel_values import head, judge, rewrite

from ich_resources.dicom.plausibility import gray_levels

RNG = np.random.default_rng(3)


def _outside(size: int) -> np.ndarray:
    y, x = np.ogrid[:size, :size]
    return (y - size / 2 + 0.5) ** 2 + (x - size / 2 + 0.5) ** 2 > (size / 2) ** 2


def _padded(value):
    return lambda hu: np.where(_outside(len(hu)), value, hu)


def _background(value):
    return lambda hu: np.where(hu < -500, value, hu)


def _metal(hu):
    hu[70:76, 50:57] = 30_710
    hu[20:23, 30:34] = 12_000
    return hu


def _wide_field(hu):
    """The head in a field of view of 500 mm."""
    small = hu[::2, ::2]
    room = -1000 + 3 * RNG.standard_normal(hu.shape)
    edge = len(small) // 2
    room[edge : edge + len(small), edge : edge + len(small)] = small
    return room


def _stripped(value):
    return lambda hu: np.where((hu > -20) & (hu < 90), hu, value)


def _offset(by):
    return lambda hu: hu + by


ORDINARY = {
    "as it is": lambda hu: hu,
    "metal on an extended scale": _metal,
    "padding -1500": _padded(-1500),
    "padding -2000": _padded(-2000),
    "padding -3024": _padded(-3024),
    "two paddings": lambda hu: _padded(-3024)(np.where(hu < -1005, -2000, hu)),
    "background -1000": _background(-1000),
    "background -1024": _background(-1024),
    "background -2000": _background(-2000),
    "background 0": _background(0),
    "skull stripped, 0": _stripped(0),
    "skull stripped, -1000": _stripped(-1000),
    "skull stripped, -1024": _stripped(-1024),
    "bone kernel": lambda hu: hu + 100 * RNG.standard_normal(hu.shape),
    "padding with noise": lambda hu: _padded(-1500)(hu) + 80 * RNG.standard_normal(hu.shape),
    "strong noise": lambda hu: hu + 60 * RNG.standard_normal(hu.shape),
    "no noise in air, from -1024": lambda hu: np.where(hu < -900, -1024, hu),
    "wide field": _wide_field,
    "table in the field": lambda hu: np.where(_outside(len(hu)), -150.0, hu),
}


@pytest.mark.parametrize("change", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_values_raise_no_alarm(tmp_path, change):
    rewrite(head(tmp_path), change)
    assert judge(tmp_path).codes == set()


def test_thin_slices_raise_no_alarm(tmp_path):
    head(tmp_path, slices=60, size=64)
    rewrite(tmp_path, lambda hu: hu + 25 * RNG.standard_normal(hu.shape))
    assert judge(tmp_path).codes == set()


@pytest.mark.parametrize(("intercept", "signed"), [(-8192, False), (0, True), (-1000, True)])
def test_other_offsets_raise_no_alarm(tmp_path, intercept, signed):
    rewrite(head(tmp_path), _metal, intercept=intercept, signed=signed)
    assert judge(tmp_path).codes == set()


def test_half_slopes_raise_no_alarm(tmp_path):
    rewrite(head(tmp_path), slope=0.5)
    assert judge(tmp_path).codes == set()


def test_the_real_series_raises_no_alarm(shared):
    assert judge(shared / "data" / "head_ct_ge").codes == {"GANTRY_TILT"}


def _wrap(bits):
    return lambda hu: np.rint(hu) % 2**bits


WRONG = {
    "rescaled twice": (_offset(-1024), {}, "where brain is"),
    "rescaled twice, background set before": (
        lambda hu: _background(-1000)(hu) - 1024,
        {},
        "where brain is",
    ),
    "rescaled twice, air with noise": (
        lambda hu: hu - 1024 + np.where(hu < -900, 30 * RNG.standard_normal(hu.shape), 0),
        {},
        "below -1200 HU",
    ),
    "never rescaled, rescale 1/0": (_offset(1024), {}, "near air"),
    "never rescaled, padding below": (lambda hu: _padded(-1500)(hu) + 1024, {}, "near air"),
    "never rescaled, background 0": (
        lambda hu: np.where(hu < -900, 0, hu + 1024),
        {"signed": False, "intercept": 0},
        "near air",
    ),
    "signed, labelled unsigned": (
        lambda hu: hu,
        {"signed": False, "intercept": 0},
        "dicom.mend_signed",
    ),
    "skull stripped, signed, labelled unsigned": (
        lambda hu: np.where((hu > -20) & (hu < 90), hu - 30, 0),
        {"signed": False, "intercept": 0},
        "",
    ),
    "wrapped at 4096": (_wrap(12), {"signed": False, "intercept": 0, "bits": 12}, "mend_12bit"),
    "wrapped at 4096, 16 bits": (_wrap(12), {"signed": False, "intercept": 0}, "mend_12bit"),
    "wrapped at 65536": (_wrap(16), {"signed": False, "intercept": 0}, "mend_signed"),
    "padding without a name": (
        _padded(62_512),
        {"signed": False},
        "above 10,000 HU",
    ),
    "scaled by ten": (lambda hu: hu * 10, {}, ""),
    "scaled by a tenth": (lambda hu: hu / 10, {}, ""),
    "scaled by a half": (lambda hu: hu / 2, {}, "almost none near air"),
    "negative": (lambda hu: -hu, {}, ""),
    "air only": (lambda hu: np.minimum(hu, -990), {}, "where brain is"),
}


@pytest.mark.parametrize(("change", "stored", "reason"), WRONG.values(), ids=WRONG)
def test_values_that_are_not_hu_fail_every_slice(tmp_path, change, stored, reason):
    rewrite(head(tmp_path), change, **stored)
    found = judge(tmp_path)
    assert found.codes == {"NOT_HU"}
    assert len(found.verdict.failed) == 5
    assert reason in found.reason


def test_few_gray_levels_are_told(tmp_path):
    rewrite(head(tmp_path), slope=10)
    found = judge(tmp_path)
    assert found.codes == {"FEW_GRAY_LEVELS"}
    (remark,) = found.verdict.remarks
    assert remark.reason == "8 gray levels inside the window, fewer than 20"


def test_a_window_that_shows_almost_nothing_is_told(tmp_path):
    rewrite(head(tmp_path), WindowCenter=2000, WindowWidth=100)
    assert judge(tmp_path).codes == {"FEW_GRAY_LEVELS", "NOT_BRAIN_WINDOW"}


def test_a_narrow_brain_window_has_levels_enough(tmp_path):
    rewrite(head(tmp_path), WindowCenter=35, WindowWidth=30)
    assert judge(tmp_path).codes == set()


@pytest.mark.parametrize("value", [-1024, 0, 40, 3071])
def test_a_constant_slice_fails_alone(tmp_path, value):
    rewrite(head(tmp_path), lambda hu: np.full_like(hu, value), names=("IM0003",))
    found = judge(tmp_path)
    assert found.codes == {"CONSTANT"}
    assert list(found.verdict.failed) == [2]
    assert found.reason == f"every pixel has the value {value} HU"


@pytest.mark.parametrize("name", ["IM0001", "IM0005"])
def test_a_constant_slice_at_an_end_fails_where_other_air_has_noise(tmp_path, name):
    rewrite(head(tmp_path), lambda hu: np.full_like(hu, -1000), names=(name,))
    assert judge(tmp_path).codes == {"CONSTANT"}


@pytest.mark.parametrize("value", [0, -1000])
def test_an_empty_slice_beyond_a_stripped_brain_is_a_remark(tmp_path, value):
    rewrite(head(tmp_path), _stripped(value))
    rewrite(tmp_path, lambda hu: np.full_like(hu, value), names=("IM0001",))
    found = judge(tmp_path)
    assert found.codes == {"EMPTY_SLICES"}
    assert found.verdict.failed == {}


def test_a_series_of_constant_slices_fails(tmp_path):
    rewrite(head(tmp_path), lambda hu: np.full_like(hu, 40))
    found = judge(tmp_path)
    assert (found.codes, len(found.verdict.failed)) == ({"CONSTANT"}, 5)


def test_a_black_slice_between_others_is_a_remark(tmp_path):
    rewrite(head(tmp_path), lambda hu: hu - 1100, names=("IM0003",))
    found = judge(tmp_path)
    assert found.codes == {"EMPTY_SLICES"}
    assert found.verdict.remarks[0].reason == "black or white slices between others: 1"


def test_gray_levels_do_not_count_black_and_white():
    counts = np.zeros(256, np.int64)
    counts[[0, 255, 7, 9]] = 10
    assert gray_levels(counts) == 2
