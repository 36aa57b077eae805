"""Which batch a card holds: tried with the networks themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.heads import Network
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import InferenceError
from ich_resources.inference.fitting import largest_batch
from ich_resources.inference.resource import NetworksResource
from ich_resources.series_images import SeriesImages

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


class Room(Network):
    """Has room for so many pixels."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.head = torch.nn.Linear(3, 6)
        self.pixels = pixels

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] * x.shape[2] * x.shape[3] > self.pixels:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(features.mean((2, 3)))


def ensemble(pixels: int) -> list[list[LoadedFold]]:
    return [
        [LoadedFold(CheckpointFile(name, Path("f.pth"), "", False), Room(pixels), untrained=False)]
        for name in BACKBONES
    ]


@pytest.mark.parametrize(("images", "expected"), [(1, 1), (5, 5), (11.9, 11), (1000, 20)])
def test_the_backbone_with_the_largest_input_decides(images, expected):
    assert largest_batch(ensemble(int(images * 512 * 512)), 20) == expected


def test_a_card_without_room_for_one_slice():
    with pytest.raises(InferenceError, match="a single slice") as caught:
        largest_batch(ensemble(512 * 512 - 1), 20)
    assert "device to cpu" in caught.value.remedy


@pytest.mark.gpu
@on_a_gpu
def test_found_once_for_a_real_card(stand_in_models, tmp_path):
    networks = NetworksResource(
        model_dir=str(stand_in_models),
        max_folds_per_backbone=1,
        device="cuda:0",
        auto_batch_size=True,
        auto_batch_size_max=8,
        batch_size_cache=str(tmp_path / "sizes.json"),
    )
    crops = np.random.default_rng(0).integers(0, 256, (9, 512, 512), np.uint8)
    images = SeriesImages(tuple("abcdefghi"), crops)
    folds = networks.runner.load(networks.checkpoints(networks.chosen[1]))
    found = networks.runner.predict(folds, images).probabilities
    assert torch.cuda.get_device_name(0) in (tmp_path / "sizes.json").read_text()
    on_cpu = networks.model_copy(update={"device": "cpu", "backend": "pytorch"})
    folds = on_cpu.runner.load(on_cpu.checkpoints(on_cpu.chosen[1]))
    assert np.abs(on_cpu.runner.predict(folds, images).probabilities - found).max() < 1e-4


@pytest.mark.gpu
@on_a_gpu
def test_device_memory_stays_flat_over_many_series(stand_in_models):
    networks = NetworksResource(
        model_dir=str(stand_in_models), max_folds_per_backbone=1, device="cuda:0"
    )
    folds = networks.runner.load(networks.checkpoints(networks.chosen[0]))
    crops = np.zeros((40, 512, 512), np.uint8)
    held = []
    for _ in range(5):
        networks.runner.predict(folds, SeriesImages(tuple(str(i) for i in range(40)), crops))
        held.append(torch.cuda.memory_allocated())
    assert held[1:] == held[:-1]
