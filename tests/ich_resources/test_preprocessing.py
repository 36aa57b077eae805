"""Window, crop and network input, against numbers worked out by hand."""

import numpy as np
import pytest

from ich_resources.preprocessing import centre_crop, network_input, window_to_uint8

CHANNEL = {0: -2.0357143, 51: -1.1428571, 102: -0.25, 255: 2.4285714}
"""(x / 255 - 0.456) / 0.224"""


@pytest.mark.parametrize(
    ("center", "width", "hu", "expected"),
    [
        # 0..80: a quarter is 63.75, half 127.5; both are cut, not rounded
        (40, 80, [-1000, 0, 20, 40, 80, 3000], [0, 0, 63, 127, 255, 255]),
        # 85 // 2 = 42: 0..84, where 84 is white and 83 is 251.96
        (42, 85, [-5, 0, 83, 84, 84.5, 90], [0, 0, 251, 255, 255, 255]),
        # 2.5 // 2 = 1: 39..41
        (40, 2.5, [38, 39, 40, 41, 42], [0, 0, 127, 255, 255]),
        # the slice reaches only 10..30 of the window: stretched between its own ends
        (40, 80, [10, 15, 20, 30], [0, 63, 127, 255]),
        (40, 80, [-0.5, 0.5, 80], [0, 1, 255]),
        (-12.5, 5, [-20, -14.5, -12.5, -10.5, 0], [0, 0, 127, 255, 255]),
    ],
)
def test_window_to_uint8(center, width, hu, expected):
    image = window_to_uint8(np.array([hu], np.float64), center, width)
    assert image.dtype == np.uint8
    assert image.tolist() == [expected]


@pytest.mark.parametrize("value", [-1000.0, 0.0, 40.0, 3000.0])
def test_constant_slice_is_black(value):
    image = window_to_uint8(np.full((4, 5), value), 40, 80)
    assert image.shape == (4, 5) and image.dtype == np.uint8 and not image.any()


def test_slice_outside_the_window_is_black():
    assert not window_to_uint8(np.array([[-1000.0, -500.0]]), 40, 80).any()


@pytest.mark.parametrize(("line", "seen"), [(50, None), (51, 0), (459, -1), (460, None)])
@pytest.mark.parametrize("axis", [0, 1])
def test_centre_crop_takes_409_lines_from_51(line, seen, axis):
    image = np.zeros((512, 512), np.uint8)
    image[line] = 255
    crop = centre_crop(image if axis == 0 else image.T)
    crop = crop if axis == 0 else crop.T
    assert crop.shape == (512, 512) and crop.dtype == np.uint8
    if seen is None:
        assert not crop.any()
    else:
        assert (crop[seen] == 255).all()


def test_centre_crop_stretches_evenly():
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 2)  # column // 2
    crop = centre_crop(np.tile(ramp, (512, 1)))
    columns = 51 + (np.arange(512) + 0.5) * 409 / 512 - 0.5
    np.testing.assert_allclose(crop, np.tile(columns / 2 - 0.25, (512, 1)), atol=1.5)


@pytest.mark.parametrize("shape", [(64, 64), (256, 256), (512, 512), (768, 512), (1024, 1024)])
def test_centre_crop_of_any_native_size(shape):
    image = np.zeros(shape, np.uint8)
    image[: shape[0] // 2] = 200
    crop = centre_crop(image)
    assert crop.shape == (512, 512)
    assert (crop[:240] == 200).all() and not crop[272:].any()


@pytest.fixture
def crops():
    """Four constant slices, dark to bright."""
    return np.stack([np.full((512, 512), value, np.uint8) for value in CHANNEL])


def _gray(batch):
    """Return the gray value of each channel; every channel is constant."""
    assert (batch == batch[..., :1, :1]).all()
    values = np.rint((batch[..., 0, 0] * 0.224 + 0.456) * 255).astype(int).tolist()
    for row, triple in zip(batch[..., 0, 0], values, strict=True):
        np.testing.assert_allclose(row, [CHANNEL[value] for value in triple], rtol=1e-6)
    return values


@pytest.mark.parametrize(
    ("context", "rows", "expected"),
    [
        ("replicated", slice(0, 4), [[0] * 3, [51] * 3, [102] * 3, [255] * 3]),
        ("replicated", slice(1, 3), [[51] * 3, [102] * 3]),
        ("adjacent", slice(0, 4), [[51, 0, 0], [102, 51, 0], [255, 102, 51], [255, 255, 102]]),
        # a part of the series still sees the neighbours outside the part
        ("adjacent", slice(1, 3), [[102, 51, 0], [255, 102, 51]]),
        ("adjacent", slice(0, 1), [[51, 0, 0]]),
        ("adjacent", slice(3, 9), [[255, 255, 102]]),
    ],
)
def test_network_input_channels(crops, context, rows, expected):
    batch = network_input(crops, rows, 32, context)
    assert batch.dtype == np.float32
    assert batch.shape == (len(expected), 3, 32, 32)
    assert _gray(batch) == expected


def test_adjacent_of_a_single_slice(crops):
    assert _gray(network_input(crops[2:3], slice(0, 1), 8, "adjacent")) == [[102] * 3]


def test_network_input_of_no_slice(crops):
    assert network_input(crops, slice(2, 2), 8, "replicated").shape == (0, 3, 8, 8)


@pytest.mark.parametrize("size", [512, 256, 224])
def test_network_input_stays_uint8_until_the_end(size):
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (1, 512, 512), dtype=np.uint8)
    batch = network_input(crops, slice(0, 1), size, "replicated")
    gray = (batch[0, 0].astype(np.float64) * 0.224 + 0.456) * 255
    np.testing.assert_allclose(gray, np.rint(gray), atol=1e-4)
    assert batch.shape == (1, 3, size, size)
    assert (batch[0] == batch[0, 0]).all()
    if size == 512:
        assert np.array_equal(np.rint(gray), crops[0])
    if size == 256:  # bilinear by a half: the mean of 2 x 2
        means = crops[0].reshape(256, 2, 256, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(gray, means, atol=0.51)
