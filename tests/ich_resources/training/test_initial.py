"""First weights: the right files, old names, errors that name all three files."""

import hashlib
import re

import pytest
import torch
import torchvision
from trained_files import write_trained

from ich_resources.backbones.networks import build_network
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import CheckpointError, IchError
from ich_resources.training.initial import initial_network
from ich_resources.training.initial_files import (
    InitialFile,
    find_initial,
    require_named_digest,
    torch_hub_folder,
)
from ich_resources.training.recipe import Recipe

DENSE, SENET = BACKBONES["DenseNet121_change_avg"], BACKBONES["se_resnext101_32x4d"]


def recipe(backbone=DENSE, init="imagenet", **switches):
    return Recipe.for_fold(backbone, 1, init=init, **switches)


def old_densenet():
    """State dict of a DenseNet121 as torchvision published it in 2017."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        state = torchvision.models.densenet121(weights=None).state_dict()
    return {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }


def save_named(state, folder):
    """Save a file whose name promises its own digest."""
    path = folder / "weights.pth"
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path.rename(folder / f"densenet121-{digest[:8]}.pth"), digest


def test_old_densenet_keys_are_renamed(tmp_path):
    old = old_densenet()
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    path, digest = save_named(old, tmp_path)
    require_named_digest(path, digest)
    network = initial_network(recipe(), InitialFile("imagenet", path, digest))
    state = network.state_dict()
    for old_key, key in (
        ("features.conv0.weight", "densenet121.conv0.weight"),
        (
            "features.denseblock4.denselayer16.conv.2.weight",
            "densenet121.denseblock4.denselayer16.conv2.weight",
        ),
        ("features.norm5.running_var", "densenet121.norm5.running_var"),
    ):
        assert torch.equal(state[key], old[old_key])
    assert network.mlp.weight.shape == (6, 1024)  # the classifier of 1000 classes is left out


def test_se_resnext_keys(tmp_path):
    with torch.device("meta"):
        layout = build_network(SENET).model_ft.state_dict()
    state = {
        key: torch.full(value.shape, 0.5, dtype=value.dtype)
        for key, value in layout.items()
        if not key.startswith("last_linear")
    }
    state |= {"last_linear.weight": torch.zeros(1000, 2048), "last_linear.bias": torch.zeros(1000)}
    path = tmp_path / "w.pth"
    torch.save(state, path)
    network = initial_network(recipe(SENET), InitialFile("imagenet", path, "0"))
    assert (network.model_ft.layer4[2].conv3.weight == 0.5).all()


def test_another_difference_is_an_error(tmp_path):
    state = old_densenet()
    del state["features.conv0.weight"]
    path, digest = save_named(state, tmp_path)
    with pytest.raises(CheckpointError, match="missing densenet121.conv0.weight"):
        initial_network(recipe(), InitialFile("imagenet", path, digest))


def test_a_missing_file_is_an_error_that_names_all_three(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        find_initial(recipe(), tmp_path)
    text = str(caught.value)
    assert f"[{tmp_path}/densenet121-a639ec97.pth]" in text
    for address in (
        "https://download.pytorch.org/models/densenet121-a639ec97.pth",
        "https://download.pytorch.org/models/densenet169-b2777c0a.pth",
        "http://data.lip6.fr/cadene/pretrainedmodels/se_resnext101_32x4d-3b2fe3d8.pth",
        "IMAGENET_DIR",
    ):
        assert address in text


def test_a_wrong_digest_is_an_error(tmp_path):
    (tmp_path / "densenet121-a639ec97.pth").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="SHA-256.*begins with [0-9a-f]{8}, not a639ec97"):
        find_initial(recipe(), tmp_path)


def test_the_cache_of_torch_hub(monkeypatch, tmp_path):
    for variables in (
        {"TORCH_HOME": str(tmp_path / "a")},
        {"XDG_CACHE_HOME": str(tmp_path / "b")},
        {},
    ):
        for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert str(torch_hub_folder()) == f"{torch.hub.get_dir()}/checkpoints"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match="missing"):
        find_initial(recipe())


def test_random_weights_depend_on_seed_and_fold_alone():
    initial = InitialFile("random")
    assert find_initial(recipe(init="random")) == initial
    before = torch.random.get_rng_state()
    one, same = (initial_network(recipe(init="random"), initial) for _ in range(2))
    other = initial_network(recipe(init="random", seed=1), initial)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.mlp.weight, same.mlp.weight)
    assert not torch.equal(one.mlp.weight, other.mlp.weight)


def test_random_residual_blocks_pass_on_what_they_get():
    """Their convolutions have the variance 2 / fan-in, and their last batch norm is zero."""
    network = initial_network(recipe(SENET, init="random"), InitialFile("random")).eval()
    network.requires_grad_(False)
    block = network.model_ft.layer3[5]
    x = torch.rand(1, 1024, 4, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(block(x), x)
    weight = block.conv2.weight
    assert float(weight.var()) == pytest.approx(2 / weight[0].numel(), rel=0.1)
    assert float(network(torch.rand(2, 3, 64, 64)).std()) > 0


def test_released_weights_are_those_of_the_same_fold(stand_in_models, tmp_path):
    with pytest.raises(IchError, match="MODEL_DIR"):
        find_initial(recipe(init="released"))
    with pytest.raises(CheckpointError, match=r"model_epoch_best_1\.pth"):
        find_initial(recipe(init="released"), model_dir=stand_in_models)
    first = Recipe.for_fold(DENSE, 0, init="released")
    initial = find_initial(first, model_dir=stand_in_models)
    network = initial_network(first, initial)
    state = torch.load(initial.path, weights_only=True)["state_dict"]
    assert torch.equal(network.mlp.weight, state["module.mlp.weight"])  # the head is taken too


def test_a_checkpoint_that_says_another_fold_is_an_error_that_names_both(stand_in_models, tmp_path):
    write_trained(tmp_path, stand_in_models)
    first = Recipe.for_fold(DENSE, 0, init="released")
    initial = find_initial(first, model_dir=tmp_path)
    assert initial.trained is not None and initial.trained.fold == 0
    initial.path.rename(initial.path.with_name("model_epoch_best_1.pth"))
    with pytest.raises(CheckpointError) as caught:
        find_initial(recipe(init="released"), model_dir=tmp_path)
    text = str(caught.value)
    assert "says that it is fold 0 of DenseNet121_change_avg, and lies where fold 1 of" in text
    assert "model_epoch_best_1.pth" in text and "-> put it" in text
