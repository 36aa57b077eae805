"""Saliency of a series: which class, which input, and how the maps are put together."""

from dataclasses import replace
from pathlib import Path

import cv2
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
from ich_resources.findings import share
from ich_resources.hemorrhage import CLASSES
from ich_resources.saliency.explain import combine, explain_slices, normalised
from ich_resources.saliency.options import SaliencyOptions

FIRST, SECOND = "DenseNet169_change_avg", "se_resnext101_32x4d"
METHODS = ["input_grad", "gradcam", "gradcampp"]


class Quarters(Network):
    """Feature maps are the quarters' means of each channel, squared; the head is linear."""

    def __init__(self, weights: torch.Tensor, bias: list[float]) -> None:
        super().__init__()
        self.head = torch.nn.Linear(12, 6)
        self.head.weight.data[:] = weights
        self.head.bias.data[:] = torch.tensor(bias)
        self.requires_grad_(False)
        self.seen: list[torch.Tensor] = []

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x.detach())
        return torch.nn.functional.adaptive_avg_pool2d(x, 2) ** 2

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(features.flatten(1))


def loaded(backbone: str, network: Network) -> LoadedFold:
    file = CheckpointFile(backbone, Path("model_epoch_best_0.pth"), "", False)
    return LoadedFold(file, network, untrained=True)


def random_fold(backbone: str, seed: int) -> LoadedFold:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(6, 12, generator=generator) - 0.3
    return loaded(backbone, Quarters(weights, (torch.arange(6) / 10).tolist()))


def constant_fold(backbone: str, probabilities: list[float], corners: dict[int, int]) -> LoadedFold:
    """A fold with these probabilities; class c looks at quarter ``corners[c]`` only."""
    weights = torch.zeros(6, 12)
    for target, corner in corners.items():
        weights[target, corner] = 1e-6
    return loaded(backbone, Quarters(weights, torch.logit(torch.tensor(probabilities)).tolist()))


@pytest.fixture
def crops() -> np.ndarray:
    small = np.random.default_rng(3).integers(0, 256, (5, 4, 4), np.uint8)
    return np.stack([cv2.resize(s, (512, 512), interpolation=cv2.INTER_NEAREST) for s in small])


def explain(
    folds, crops, wanted=None, *, context="replicated", batch_size=4, targets=None, **options
):
    chosen = SaliencyOptions(**{"image_size_override": 64} | options)
    wanted = range(len(crops)) if wanted is None else wanted
    return list(
        explain_slices(
            folds, crops, wanted, chosen, context=context, batch_size=batch_size, targets=targets
        )
    )


def test_combine_ensemble_is_the_mean_of_shares():
    first = np.array([[0.2, 0.2, 0.1, 0, 0, 0]], np.float32)
    second = np.array([[0.9, 0, 0.1, 0, 0, 0]], np.float32)
    combined = combine([first, second], "ensemble")
    np.testing.assert_allclose(combined, [[0.65, 0.2, 0.15, 0, 0, 0]], atol=1e-6)
    assert combined.dtype == np.float32


def test_combine_single_is_the_one_as_it_is():
    only = np.array([[0.2, 0.2, 0.1, 0, 0, 0.9]], np.float32)
    assert np.array_equal(combine([only], "single"), only)
    with pytest.raises(ValueError, match="too many values"):
        combine([only, only], "single")


def test_share_sums_to_one():
    found = share(np.array([[1, 3, 0, 0, 0, 4], [0.1, 0, 0, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(found, [[0.125, 0.375, 0, 0, 0, 0.5], [1, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("level", [0.0, 0.7, -3.0])
def test_normalised_constant_map_is_zero(level):
    found = normalised(np.full((7, 7), level, np.float32))
    assert found.shape == (512, 512) and found.dtype == np.float32
    assert not found.any()


def test_normalised_is_bilinear_then_0_to_1():
    found = normalised(np.array([[3, 4], [5, 7]], np.float32))
    assert found.shape == (512, 512) and found.dtype == np.float32
    corners = found[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, [0, 0.25, 0.5, 1])
    # Bilinear: halfway between the four in the middle, and straight along the first row.
    assert found[255:257, 255:257].mean() == pytest.approx((0 + 0.25 + 0.5 + 1) / 4, abs=1e-5)
    assert found[0, 128:384].mean() == pytest.approx(0.125, abs=1e-5)


def test_ensemble_target_is_the_highest_combined_share(crops):
    """The second network is sure of class 0 and sees much of everything: its share is small."""
    folds = [
        constant_fold(FIRST, [0.1, 0.01, 0.01, 0.6, 0.01, 0.01], {}),
        constant_fold(SECOND, [0.99, 0.9, 0.9, 0.9, 0.9, 0.9], {}),
    ]
    found = explain(folds, crops[:1])[0]
    first = np.array([0.1, 0.01, 0.01, 0.6, 0.01, 0.01]) / 0.74
    second = np.array([0.99, 0.9, 0.9, 0.9, 0.9, 0.9]) / 5.49
    np.testing.assert_allclose(found.combined, (first + second) / 2, atol=1e-5)
    assert found.target_class == found.model_class == 3
    assert list(found.per_backbone) == [FIRST, SECOND]
    np.testing.assert_allclose(found.per_backbone[SECOND], [0.99] + [0.9] * 5, atol=1e-5)


@pytest.mark.parametrize("mode", ["ensemble", "single"])
def test_a_fixed_target_is_explained_whatever_is_probable(crops, mode):
    fold = constant_fold(FIRST, [0.9, 0.1, 0.1, 0.1, 0.1, 0.1], {0: 0, 4: 3})
    free = explain([fold], crops[:1], mode=mode, method="input_grad")[0]
    fixed = explain([fold], crops[:1], mode=mode, method="input_grad", target_class="subarachnoid")[
        0
    ]
    assert (free.target_class, fixed.target_class) == (0, 4)
    assert fixed.model_class == 0
    assert free.slice_map[:200, :200].min() > 0.9 > 0.1 > free.slice_map[300:, 300:].max()
    assert fixed.slice_map[300:, 300:].min() > 0.9 > 0.1 > fixed.slice_map[:200, :200].max()


def test_ensemble_map_is_the_mean_of_normalised_maps(crops):
    """Two networks look at opposite quarters; each map spans 0..1 before the mean."""
    folds = [
        constant_fold(FIRST, [0.9, 0.1, 0.1, 0.1, 0.1, 0.1], {0: 0}),
        constant_fold(SECOND, [0.8, 0.1, 0.1, 0.1, 0.1, 0.1], {0: 3}),
    ]
    both = explain(folds, crops[:1], method="input_grad")[0]
    alone = [explain([f], crops[:1], method="input_grad")[0].slice_map for f in folds]
    assert all(m.min() == 0 and m.max() == 1 for m in alone)
    np.testing.assert_allclose(both.slice_map, (alone[0] + alone[1]) / 2, atol=1e-6)
    assert both.score == pytest.approx(both.slice_map.mean())
    assert both.slice_map.shape == (512, 512) and both.slice_map.dtype == np.float32


@pytest.mark.parametrize("method", METHODS)
def test_single_mode_is_one_networks_own_probabilities(crops, method):
    fold = random_fold(FIRST, 1)
    for found in explain([fold], crops, mode="single", method=method):
        assert np.array_equal(found.combined, found.per_backbone[FIRST])
        assert found.target_class == found.combined.argmax()
        assert found.slice_map.min() == 0
        assert found.slice_map.max() == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("context", ["replicated", "adjacent"])
def test_batch_size_does_not_matter(crops, method, context):
    folds = [random_fold(FIRST, 1), random_fold(SECOND, 2)]
    by_size = [
        explain(folds, crops, method=method, context=context, batch_size=size) for size in (1, 2, 5)
    ]
    assert len({found.score for found in by_size[0]}) == 5, "five different slices"
    for found in zip(*by_size, strict=True):
        assert len({f.target_class for f in found}) == 1
        assert np.ptp([f.combined for f in found], axis=0).max() < 1e-5
        assert np.ptp([f.slice_map for f in found], axis=0).max() < 1e-4


@pytest.mark.parametrize("wanted", [range(1, 4), range(2, 3), range(2, 5), range(0)])
def test_only_the_wanted_slices_with_their_own_neighbours(crops, wanted):
    folds = [random_fold(FIRST, 1)]
    every = explain(folds, crops, context="adjacent")
    some = explain(folds, crops, wanted, context="adjacent", batch_size=2)
    assert len(some) == len(wanted)
    for index, found in zip(wanted, some, strict=True):
        np.testing.assert_allclose(found.slice_map, every[index].slice_map, atol=1e-4)
        np.testing.assert_allclose(found.combined, every[index].combined, atol=1e-6)


@pytest.mark.parametrize(
    ("context", "channels"),
    [
        ("replicated", [[2, 2, 2], [3, 3, 3], [4, 4, 4]]),
        ("adjacent", [[3, 2, 1], [4, 3, 2], [4, 4, 3]]),
    ],
)
def test_channels_of_the_saliency_input(context, channels):
    levels = np.array([10, 60, 110, 160, 210])
    crops = np.repeat(levels, 512 * 512).reshape(5, 512, 512).astype(np.uint8)
    fold = random_fold(FIRST, 1)
    explain([fold], crops, range(2, 5), context=context)
    (x,) = fold.network.seen
    expected = (levels[channels] / 255 - 0.456) / 0.224
    np.testing.assert_allclose(x.mean((2, 3)), expected, atol=1e-5)


@pytest.mark.parametrize(("override", "sizes"), [(None, [512, 256]), (224, [224, 224])])
def test_size_of_the_saliency_input(crops, override, sizes):
    folds = [random_fold("DenseNet121_change_avg", 1), random_fold(SECOND, 2)]
    explain(folds, crops[:1], image_size_override=override)
    assert [f.network.seen[0].shape[-1] for f in folds] == sizes


def test_a_checkpoint_that_carries_its_size_is_explained_at_it(crops):
    fold = random_fold(FIRST, 1)
    own = replace(fold, file=replace(fold.file, trained=trained(backbone=FIRST)))
    explain([own, random_fold(SECOND, 2)], crops[:1], image_size_override=None)
    assert own.network.seen[0].shape[-1] == 96


@pytest.mark.parametrize("method", METHODS)
def test_one_pass_per_network_and_batch(crops, method):
    folds = [random_fold(FIRST, 1), random_fold(SECOND, 2)]
    explain(folds, crops, method=method, batch_size=2)
    assert [len(f.network.seen) for f in folds] == [3, 3]


def test_what_is_not_finite_names_its_slice(crops):
    fold = random_fold(FIRST, 1)
    fold.network.head.weight.data[0, 0] = float("inf")
    with pytest.raises(InferenceError, match="slice 2 is not finite") as caught:
        explain([fold], crops, range(2, 4), mode="single")
    assert caught.value.remedy


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("method", METHODS)
def test_a_real_network_has_a_map(stand_in_models, name, method, crops):
    """Of the most probable class: Grad-CAM is zero where a network speaks against a class."""
    (file,) = find_checkpoints(stand_in_models, BACKBONES[name], 1)
    fold = load_folds([file], torch.device("cpu"))[0]
    (found,) = explain([fold], crops[:1], method=method)
    assert found.slice_map.min() == 0 and found.slice_map.max() == 1
    assert 0 < found.score < 1


def test_a_network_that_is_sure_of_nothing_has_no_share():
    """Logits below -104 are exactly 0 after the sigmoid in float32."""
    found = share(np.array([[0.0] * 6, [0.0, 0.25, 0.25, 0.0, 0.0, 0.5]], np.float32))
    assert found.tolist() == [[0.0] * 6, [0.0, 0.25, 0.25, 0.0, 0.0, 0.5]]


def test_given_classes_are_explained_slice_by_slice(crops):
    fold = random_fold(FIRST, 1)
    given = [4, 2, 5]
    some = explain([fold], crops, range(1, 4), mode="single", batch_size=2, targets=given)
    assert [found.target_class for found in some] == given
    for index, found in zip(range(1, 4), some, strict=True):
        name = CLASSES[found.target_class]
        (alone,) = explain([fold], crops, range(index, index + 1), mode="single", target_class=name)
        np.testing.assert_allclose(found.slice_map, alone.slice_map, atol=1e-5)
    chosen = explain([fold], crops, range(1, 4), mode="single", target_class="any", targets=given)
    assert {found.target_class for found in chosen} == {0}, "a class of the options goes first"
