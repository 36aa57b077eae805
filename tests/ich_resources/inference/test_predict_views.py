"""What sequence models see of a series, with networks small enough to know the answer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.heads import Network
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.views import FIXED_VIEWS
from ich_resources.errors import InferenceError
from ich_resources.inference.predict import predict_folds, predict_with_views

LEVELS = np.array([10, 60, 200])
"""Gray level of the left half of each slice; the right half is black."""


class LeftOfFirst(Network):
    """Feature and logits: the mean of the left half of the first channel, times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1, :, : x.shape[-1] // 2] * self.factor

    def pool(self, features: torch.Tensor) -> torch.Tensor:
        return features.mean((2, 3)).repeat(1, 2)

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return self.pool(features)[:, :1].repeat(1, 6)


def _folds(*factors: float) -> list[LoadedFold]:
    files = [
        CheckpointFile("se_resnext101_32x4d", Path(f"{number}.pth"), "", False)
        for number in range(len(factors))
    ]
    return [
        LoadedFold(file, LeftOfFirst(factor).requires_grad_(False), untrained=False)
        for file, factor in zip(files, factors, strict=True)
    ]


@pytest.fixture
def crops() -> np.ndarray:
    crops = np.zeros((3, 512, 512), np.uint8)
    crops[..., :256] = LEVELS[:, None, None]
    return crops


def _seen(level: int) -> float:
    return (level / 255 - 0.456) / 0.224


@pytest.mark.parametrize("batch_size", [2, 16])
def test_means_over_four_views_of_mirrored_and_reversed_slices(
    crops: np.ndarray, batch_size: int
) -> None:
    folds = _folds(1.0, -2.0)

    plain, viewed = predict_with_views(
        folds, crops, FIXED_VIEWS["four"], context="adjacent", batch_size=batch_size
    )

    # The middle slice: its first channel is slice 2, or reversed slice 0; mirrored it is black.
    values = np.array([_seen(200), _seen(0), _seen(10), _seen(0)])
    assert viewed.features.shape == (2, 3, 2) and viewed.features.dtype == np.float16
    assert viewed.probabilities.dtype == np.float32
    for fold, factor in enumerate((1.0, -2.0)):
        sigmoids = 1 / (1 + np.exp(-factor * values))
        assert viewed.features[fold, 1] == pytest.approx(factor * values.mean(), rel=1e-3)
        assert viewed.probabilities[fold, 1] == pytest.approx(sigmoids.mean(), rel=1e-5)
        assert plain.probabilities[fold, 1] == pytest.approx(sigmoids[0], rel=1e-5)


def test_the_first_view_gives_the_bytes_of_a_run_without_views(crops: np.ndarray) -> None:
    folds = _folds(0.7, 1.3)

    alone = predict_folds(folds, crops, context="adjacent", batch_size=2)
    plain, _ = predict_with_views(
        folds, crops, FIXED_VIEWS["four"], context="adjacent", batch_size=2
    )
    _, viewed = predict_with_views(
        folds, crops, FIXED_VIEWS["none"], context="adjacent", batch_size=2
    )

    assert plain.folds == alone.folds
    assert plain.probabilities.tobytes() == alone.probabilities.tobytes()
    assert viewed.probabilities.tobytes() == alone.probabilities.tobytes()


def test_features_that_float16_cannot_hold_are_an_error(crops: np.ndarray) -> None:
    with pytest.raises(InferenceError, match="se_resnext101_32x4d gave features"):
        predict_with_views(
            _folds(1e6), crops, FIXED_VIEWS["none"], context="replicated", batch_size=2
        )
