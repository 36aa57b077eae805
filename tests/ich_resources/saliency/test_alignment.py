"""A Grad-CAM lies where the network looks: an impulse in the input comes back at its place.

The networks are the real ones with weights that make them see: each filter passes the pixel in its
middle and averages over the channels. Padding, strides and pooling, which move a map, are theirs.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.networks import build_network
from ich_resources.backbones.table import BACKBONES, CELL
from ich_resources.saliency.alignment import aligned
from ich_resources.saliency.explain import explain_slices
from ich_resources.saliency.options import SaliencyOptions

pytestmark = pytest.mark.slow

SPREAD = 32.0
"""Standard deviation of the impulse in pixels of the network input: as wide as a cell."""
SHIFT = {"DenseNet121_change_avg": 1.5, "DenseNet169_change_avg": 1.5, "se_resnext101_32x4d": 13.5}
"""How far right and down ``cv2.resize`` draws a map, in pixels of the network input."""


@pytest.fixture(scope="module")
def seeing() -> dict[str, LoadedFold]:
    """Each real network with filters that pass the middle pixel."""
    return {name: _seeing(name) for name in BACKBONES}


def _seeing(name: str) -> LoadedFold:
    network = build_network(BACKBONES[name]).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            weight = torch.zeros_like(module.weight)
            middle = weight.shape[-1] // 2
            weight[:, :, middle, middle] = 1 / weight.shape[1]
            module.weight.data = weight
            if module.bias is not None:
                module.bias.data.zero_()
        elif isinstance(module, torch.nn.Linear):
            module.weight.data.fill_(1 / module.in_features)
            module.bias.data.zero_()
    network.requires_grad_(False)
    file = CheckpointFile(name, Path("model_epoch_best_0.pth"), "", False)
    return LoadedFold(file, network, untrained=True)


def _impulse(size: int, row: float, column: float) -> np.ndarray:
    """Return a crop with a bright spot on black, at a pixel of the network input."""
    at = (np.arange(512) + 0.5) * size / 512 - 0.5
    far = (at[:, None] - row) ** 2 + (at[None] - column) ** 2
    return (255 * np.exp(-far / (2 * SPREAD**2))).astype(np.uint8)


def _shift(fold: LoadedFold, size: int, *, align: bool) -> np.ndarray:
    """Return how far maps of impulses lie from them, (row, column), in pixels of the input.

    The mean over places at all parts of a cell: one alone is rounded to the grid of cells.
    """
    places = [(size / 2 + step, size / 2 - step) for step in range(-16, 16, 8)]
    options = SaliencyOptions(
        mode="single", method="gradcam", image_size_override=size, target_class="any", align=align
    )
    crops = np.stack([_impulse(size, *place) for place in places])
    at = (np.arange(512) + 0.5) * size / 512 - 0.5
    found = explain_slices(
        [fold], crops, range(len(crops)), options, context="replicated", batch_size=4
    )
    shifts = []
    for place, one in zip(places, found, strict=True):
        weights = one.slice_map / one.slice_map.sum()
        centre = ((weights.sum(1) * at).sum(), (weights.sum(0) * at).sum())
        shifts.append(np.subtract(centre, place))
    return np.mean(shifts, axis=0)


@pytest.mark.parametrize("size", [224, 256, 512])
@pytest.mark.parametrize("name", BACKBONES)
def test_an_impulse_comes_back_within_one_pixel(seeing, name, size):
    np.testing.assert_allclose(_shift(seeing[name], size, align=True), 0, atol=1.0)


@pytest.mark.parametrize("name", BACKBONES)
def test_without_alignment_it_lies_too_far_right_and_down(seeing, name):
    np.testing.assert_allclose(_shift(seeing[name], 256, align=False), SHIFT[name], atol=1.0)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_cell_is_centred_where_the_table_says(seeing, name):
    """By the gradient of one cell: the input pixels that it sees lie around its middle.

    Pooling passes the brightest of some pixels, so that several inputs are needed to see them all.
    """
    torch.manual_seed(0)
    x = (torch.rand(12, 3, 128, 128) + 0.5).requires_grad_(True)
    features = seeing[name].network.forward_features(x)
    assert features.shape[-1] == 128 / CELL
    features[:, :, 1, 2].sum().backward()
    seen = x.grad.abs().sum((0, 1)).numpy()
    rows, columns = np.nonzero(seen > seen.max() / 100)  # the rest is seen by its mean alone
    first = BACKBONES[name].first_cell
    np.testing.assert_allclose(
        ((rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2),
        (CELL + first, 2 * CELL + first),
        atol=1.0,
    )


def test_linear_between_cells_and_constant_beyond():
    cells = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
    drawn = aligned(cells, 64, 2.0)
    assert drawn.shape == (512, 512) and drawn.dtype == np.float32
    # The crop has 8 pixels for each of the input; the cells are centred on input pixels 2 and 34.
    at = (np.arange(512) + 0.5) / 8 - 0.5
    np.testing.assert_allclose(drawn, np.tile(((at - 2) / 32).clip(0, 1), (512, 1)), atol=1e-6)


def test_a_cell_in_the_middle_is_drawn_as_a_resize_draws_it():
    """With the first cell at 15.5 nothing is shifted."""
    cells = np.random.default_rng(0).random((16, 16), np.float32)
    np.testing.assert_allclose(aligned(cells, 512, 15.5), cv2.resize(cells, (512, 512)), atol=1e-5)
