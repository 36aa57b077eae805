"""Fold probabilities, with networks small enough to know the answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from trained_files import trained

from ich_resources.backbones.checkpoint import CheckpointFile, find_checkpoints
from ich_resources.backbones.heads import Network
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import InferenceError
from ich_resources.inference.batch_size import BatchLimit
from ich_resources.inference.predict import arithmetic, predict_folds

BACKBONE = "DenseNet169_change_avg"
LEVELS = np.array([0, 40, 90, 160, 255])
"""Gray level of each slice of the series."""
LIGHTNESS = (LEVELS / 255 - 0.456) / 0.224
"""What the network sees of each."""


class ChannelMeans(Network):
    """Logit c is a weighted sum of the means of the three channels, plus c / 10."""

    def __init__(self, weights: tuple[float, float, float]) -> None:
        super().__init__()
        self.head = torch.nn.Linear(3, 6)
        self.head.weight.data[:] = torch.tensor(weights)
        self.head.bias.data[:] = torch.arange(6) / 10
        self.seen: list[torch.Tensor] = []

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x)
        return x

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(features.mean((2, 3)))


def fold(number: int, weights: tuple[float, float, float], backbone: str = BACKBONE) -> LoadedFold:
    file = CheckpointFile(backbone, Path(f"model_epoch_best_{number}.pth"), "", False)
    return LoadedFold(file, ChannelMeans(weights), untrained=False)


@pytest.fixture
def crops() -> np.ndarray:
    return np.repeat(LEVELS, 512 * 512).reshape(5, 512, 512).astype(np.uint8)


def sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def test_values_shape_and_order_of_folds(crops):
    folds = [fold(3, (1, 0, 0)), fold(1, (0, -2, 0))]
    result = predict_folds(folds, crops, context="replicated", batch_size=16)
    assert result.backbone == BACKBONE
    assert result.folds == ("model_epoch_best_3.pth", "model_epoch_best_1.pth")
    assert result.probabilities.shape == (2, 5, 6)
    assert result.probabilities.dtype == np.float32
    classes = np.arange(6) / 10
    np.testing.assert_allclose(
        result.probabilities,
        sigmoid(np.stack([LIGHTNESS, -2 * LIGHTNESS])[..., None] + classes),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("context", "first", "last"),
    [
        ("replicated", [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ("adjacent", [1, 2, 3, 4, 4], [0, 0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_channels_hold_the_slice_or_its_neighbours(crops, context, first, last, batch_size):
    """Channel 0 is the slice above and channel 2 the one below, ends clamped, across batches."""
    folds = [fold(0, (1, 0, 0)), fold(1, (0, 1, 0)), fold(2, (0, 0, 1))]
    result = predict_folds(folds, crops, context=context, batch_size=batch_size)
    expected = sigmoid(np.stack([LIGHTNESS[first], LIGHTNESS, LIGHTNESS[last]]))
    np.testing.assert_allclose(result.probabilities[..., 0], expected, atol=1e-5)


@pytest.mark.parametrize(("batch_size", "passes"), [(1, 5), (2, 3), (4, 2), (16, 1)])
def test_each_input_is_made_once_and_seen_by_all_folds(crops, batch_size, passes):
    folds = [fold(0, (1, 0, 0)), fold(1, (0, 1, 0))]
    predict_folds(folds, crops, context="replicated", batch_size=batch_size)
    first, second = (f.network.seen for f in folds)
    assert len(first) == passes
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert [len(x) for x in first] == [
        len(crops[i : i + batch_size]) for i in range(0, 5, batch_size)
    ]
    assert {x.shape[1:] for x in first} == {(3, 256, 256)}
    assert {x.dtype for x in first} == {torch.float32}


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=lambda b: b.name)
def test_each_backbone_has_its_input_size(crops, backbone):
    one = fold(0, (1, 1, 1), backbone.name)
    predict_folds([one], crops[:1], context="replicated", batch_size=1)
    assert one.network.seen[0].shape[2:] == (backbone.input_size, backbone.input_size)


def test_a_checkpoint_that_carries_its_size_gets_it(crops):
    one = fold(0, (1, 1, 1), "DenseNet121_change_avg")
    own = replace(one, file=replace(one.file, trained=trained(input_size=96)))
    predict_folds([own], crops[:1], context="adjacent", batch_size=1)
    assert one.network.seen[0].shape[2:] == (96, 96)
    with pytest.raises(ValueError, match="all of one input size"):
        predict_folds([own, one], crops[:1], context="adjacent", batch_size=1)


def test_batch_size_changes_a_real_network_by_rounding_only(stand_in_models):
    (file,) = find_checkpoints(stand_in_models, BACKBONES[BACKBONE], 1)
    folds = [load_folds([file], torch.device("cpu"))[0]]
    crops = np.random.default_rng(0).integers(0, 256, (3, 512, 512), np.uint8)
    by_size = [
        predict_folds(folds, crops, context="adjacent", batch_size=size).probabilities
        for size in (1, 2, 16)
    ]
    assert np.ptp(by_size[0], axis=1).max() > 1e-3
    assert np.ptp(by_size, axis=0).max() < 1e-5


def test_a_probability_that_is_not_finite(crops):
    with pytest.raises(InferenceError, match=f"{BACKBONE} gave .* not finite") as caught:
        predict_folds([fold(0, (0, float("nan"), 0))], crops, context="replicated", batch_size=2)
    assert "checkpoints" in caught.value.remedy


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_copies_on_further_devices_share_the_slices(crops, batch_size):
    folds = [fold(0, (1, 0, 0)), fold(1, (0, -2, 0))]
    copies = [[fold(0, (1, 0, 0)), fold(1, (0, -2, 0))] for _ in range(2)]
    expected = predict_folds(folds, crops, context="adjacent", batch_size=5).probabilities
    for one in folds:
        one.network.seen.clear()
    found = predict_folds(
        folds, crops, context="adjacent", batch_size=batch_size, copies=copies
    ).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert sum(len(x) for one in [folds, *copies] for x in one[0].network.seen) == len(crops)


class SmallMemory(ChannelMeans):
    """Has no room for more than so many slices."""

    def __init__(self, room: int) -> None:
        super().__init__((1, 1, 1))
        self.room = room

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward_features(x)


@pytest.mark.parametrize(("room", "size", "told"), [(4, 5, [2]), (2, 5, [2]), (1, 4, [2, 1])])
def test_batches_that_do_not_fit_are_halved_and_no_slice_is_lost(crops, room, size, told):
    file = CheckpointFile(BACKBONE, Path("model_epoch_best_0.pth"), "", False)
    folds = [LoadedFold(file, SmallMemory(room), untrained=False)]
    heard: list[int] = []
    limit = BatchLimit(size, heard.append)
    with pytest.warns(UserWarning, match="out of GPU memory") as warned:
        found = predict_folds(folds, crops, context="replicated", batch_size=limit)
    assert heard == told
    assert [str(w.message).split()[4] for w in warned] == [str(n) for n in told]
    assert limit.size == told[-1]
    expected = predict_folds([fold(0, (1, 1, 1))], crops, context="replicated", batch_size=5)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)
    assert {len(x) for x in folds[0].network.seen} <= set(range(1, room + 1))


def test_a_device_that_holds_not_a_single_slice(crops):
    file = CheckpointFile(BACKBONE, Path("model_epoch_best_0.pth"), "", False)
    folds = [LoadedFold(file, SmallMemory(0), untrained=False)]
    with pytest.raises(InferenceError, match="not hold a single slice") as caught:
        predict_folds(folds, crops, context="replicated", batch_size=1)
    assert "device to cpu" in caught.value.remedy


def test_what_only_a_programmer_gets_wrong(crops):
    two = [fold(0, (1, 0, 0)), fold(0, (1, 0, 0), "DenseNet121_change_avg")]
    for folds, slices in [([], crops), (two, crops), ([fold(0, (1, 0, 0))], crops[:0])]:
        with pytest.raises(ValueError, match="one backbone and at least one slice"):
            predict_folds(folds, slices, context="replicated", batch_size=2)


@pytest.mark.parametrize(("precision", "allowed"), [("float32", False), ("tf32", True)])
def test_tf32_holds_for_the_passes_that_ask_for_it(precision, allowed):
    def flags() -> set[bool]:
        return {torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32}

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    with arithmetic(replace(fold(0, (1, 0, 0)), precision=precision), torch.device("cpu")):
        assert flags() == {allowed}
    assert flags() == {False}
