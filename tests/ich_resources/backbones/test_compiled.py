"""Compiled networks: the same numbers, kept on disk, made anew where a byte has changed."""

import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import CheckpointFile, find_checkpoint
from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.compiled_cache import folder_for, read_converted, write_converted
from ich_resources.backbones.loading import load_all_compiled, load_folds, release
from ich_resources.backbones.mapped_weights import forget_pages
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import CheckpointError
from ich_resources.saliency import grad_cam

pytestmark = pytest.mark.slow
pytest.importorskip("openvino", reason="the extra cpu is not installed")

CPU = torch.device("cpu")
SMALL = BACKBONES["DenseNet121_change_avg"]


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
    (fold,) = load_all_compiled([file], cache, "float32")
    fold.network.prepare(file.input_size)  # nobody reads the file any more
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


@pytest.fixture
def fresh(stand_in_models, tmp_path) -> CheckpointFile:
    """A checkpoint at a path that nobody has loaded yet."""
    shutil.copytree(stand_in_models / SMALL.folder, tmp_path / "models" / SMALL.folder)
    return find_checkpoint(tmp_path / "models", SMALL, 0)


def test_a_checkpoint_that_is_replaced_is_not_kept_under_the_old_digest(fresh, tmp_path):
    cache = tmp_path / "cache"
    weights = torch.load(fresh.path, weights_only=True)
    weights["state_dict"]["module.mlp.bias"] += 1
    torch.save(weights, fresh.path)
    with pytest.raises(CheckpointError, match="was replaced since") as caught:
        load_all_compiled([fresh], cache, "float32")
    assert caught.value.path == fresh.path and caught.value.remedy
    assert not cache.exists()
    again = find_checkpoint(tmp_path / "models", SMALL, 0)
    load_all_compiled([again], cache, "float32")
    assert list(cache.iterdir()) == [folder_for(cache, again.digest)]


def test_a_good_folder_of_another_process_stays_and_a_damaged_one_goes(fresh, tmp_path):
    cache = tmp_path / "cache"
    folder = folder_for(cache, fresh.digest)
    load_all_compiled([fresh], cache, "float32")
    converted, made = read_converted(folder, SMALL), folder.stat()
    assert converted is not None
    write_converted(folder, converted, SMALL)
    assert folder.stat().st_ino == made.st_ino
    (folder / "head.pt").unlink()
    write_converted(folder, converted, SMALL)
    assert read_converted(folder, SMALL) is not None
    assert list(cache.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["features.xml", "head.pt"])
def test_what_cannot_be_read_is_not_there(fresh, tmp_path, name):
    """As where it goes while it is read, or its sum was taken of what a full disk left."""
    cache = tmp_path / "cache"
    folder = folder_for(cache, fresh.digest)
    load_all_compiled([fresh], cache, "float32")
    (folder / name).write_bytes(b"")
    about = json.loads((folder / "about.json").read_text())
    about["sums"][name] = sha256(b"").hexdigest()
    (folder / "about.json").write_text(json.dumps(about))
    assert read_converted(folder, SMALL) is None


@contextmanager
def no_file_beyond(length: int) -> Iterator[None]:
    """Have writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_costs_only_time(fresh, tmp_path):
    cache = tmp_path / "cache"
    with pytest.warns(UserWarning, match="networks.compiled_dir"), no_file_beyond(1_000_000):
        (fold,) = load_all_compiled([fresh], cache, "float32")
    assert isinstance(fold.network, CompiledNetwork)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_costs_only_time(fresh, tmp_path):
    blocked = tmp_path / "a-file"
    blocked.touch()
    with pytest.warns(UserWarning, match="networks.compiled_dir"):
        fold = load_all_compiled([fresh], blocked / "cache", "float32")[0]
    x = inputs(1, 224)
    with torch.inference_mode():
        assert torch.isfinite(fold.network(x)).all()


def test_released_memory_is_taken_again_with_the_same_numbers(file, cache):
    load_all_compiled([file], cache, "float32")  # converted, and read from the cache
    (fold,) = load_all_compiled([file], cache, "float32")
    x = inputs(2, 224)
    with torch.inference_mode():
        before = fold.network(x)
        release([fold])
        after = fold.network(x)
    assert torch.equal(after, before)
    size = (folder_for(cache, file.digest) / "features.bin").stat().st_size
    assert forget_pages((folder_for(cache, file.digest) / "features.bin").resolve()) >= size, (
        "OpenVINO no longer maps the file: nothing is won by giving pages back"
    )
