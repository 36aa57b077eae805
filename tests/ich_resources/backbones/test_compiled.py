"""Compiled networks: the same numbers, kept on disk, made anew where a byte has changed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import CheckpointFile, find_checkpoint
from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.compiled_cache import folder_for, read_converted
from ich_resources.backbones.loading import load_all_compiled, load_folds
from ich_resources.backbones.table import BACKBONES
from ich_resources.saliency import grad_cam

pytest.importorskip("openvino", reason="the extra cpu is not installed")

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(params=BACKBONES.values(), ids=lambda backbone: backbone.asset)
def file(request, stand_in_models) -> CheckpointFile:
    return find_checkpoint(stand_in_models, request.param, 0)


def inputs(slices: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(slices, 3, 8, 8, generator=generator) * 4 - 2
    x = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
    return x.to(memory_format=torch.channels_last)


@pytest.mark.parametrize(("slices", "size"), [(3, 256), (1, 224)])
def test_the_same_probabilities_as_pytorch(file, cache, slices, size):
    compiled = load_all_compiled([file], cache, "float32")[0]
    assert isinstance(compiled.network, CompiledNetwork)
    assert compiled.untrained
    plain = load_folds([file], CPU)[0]
    x = inputs(slices, size)
    with torch.inference_mode():
        expected = torch.sigmoid(plain.network(x))
        found = torch.sigmoid(compiled.network(x))
    assert found.shape == (slices, 6)
    assert (found - expected).abs().max() < 1e-4
    assert (found - expected.roll(1, 1)).abs().max() > 1e-3, "the test could not fail"


def test_grad_cam_takes_hold_of_the_compiled_features(file, cache):
    x = inputs(2, 224)
    maps = []
    for fold in (load_folds([file], CPU)[0], load_all_compiled([file], cache, "float32")[0]):
        logits, source = grad_cam.forward(fold.network, x)
        targets = torch.tensor([0, 3])
        maps.append(grad_cam.grad_cam_plus_plus(logits, source, targets).detach().numpy())
    scale = np.abs(maps[0]).max()
    np.testing.assert_allclose(maps[1] / scale, maps[0] / scale, atol=1e-3)


def test_a_kept_network_is_read_and_a_changed_byte_is_not(stand_in_models, tmp_path):
    backbone = BACKBONES["DenseNet169_change_avg"]
    shutil.copytree(stand_in_models, tmp_path / "models")  # nobody has loaded this path yet
    file = find_checkpoint(tmp_path / "models", backbone, 0)
    cache = tmp_path / "cache"
    load_all_compiled([file], cache, "float32")
    copy = folder_for(cache, file.digest)
    assert read_converted(copy, backbone) is not None
    assert list(cache.iterdir()) == [copy]
    weights = copy / "features.bin"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    assert read_converted(copy, backbone) is None
    shutil.rmtree(copy)
    assert read_converted(copy, backbone) is None


def test_a_cache_that_cannot_be_written_costs_only_time(stand_in_models, tmp_path):
    file = find_checkpoint(stand_in_models, BACKBONES["DenseNet169_change_avg"], 0)
    blocked = tmp_path / "a-file"
    blocked.touch()
    other = CheckpointFile(file.backbone, file.path, "f" * 64, expected=False)
    with pytest.warns(UserWarning, match="networks.compiled_dir"):
        fold = load_all_compiled([other], blocked / "cache", "float32")[0]
    x = inputs(1, 224)
    with torch.inference_mode():
        assert torch.isfinite(fold.network(x)).all()
