"""The networks have the layout of the released checkpoints, and two halves that make a whole."""

import pretrainedmodels
import pytest
import torch
import torchvision

from ich_resources.backbones.checkpoint import find_checkpoints
from ich_resources.backbones.heads import Network
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.networks import build_network
from ich_resources.backbones.table import BACKBONES

DENSENETS = ["DenseNet121_change_avg", "DenseNet169_change_avg"]
SE_RESNEXT = "se_resnext101_32x4d"


@pytest.fixture(scope="module", params=BACKBONES)
def network(request, stand_in_models) -> Network:
    """Each real network with its stand-in weights."""
    (file,) = find_checkpoints(stand_in_models, BACKBONES[request.param], 1)
    return load_folds([file], torch.device("cpu"))[0].network


def layout(name: str) -> dict[str, tuple[int, ...]]:
    """Return key and shape of everything a checkpoint of a backbone holds."""
    with torch.device("meta"):
        state = build_network(BACKBONES[name]).state_dict()
    return {key: tuple(value.shape) for key, value in state.items()}


@pytest.mark.parametrize("name", DENSENETS)
def test_densenet_keys_are_those_of_torchvision_and_mlp(name):
    backbone = BACKBONES[name]
    with torch.device("meta"):
        features = getattr(torchvision.models, backbone.architecture)(weights=None).features
    expected = {
        f"{backbone.architecture}.{key}": tuple(value.shape)
        for key, value in features.state_dict().items()
    }
    expected |= {"mlp.weight": (6, backbone.feature_width), "mlp.bias": (6,)}
    assert layout(name) == expected


def test_se_resnext_keys_are_those_of_pretrainedmodels_and_a_nested_head():
    with torch.device("meta"):
        plain = pretrainedmodels.se_resnext101_32x4d(pretrained=None).state_dict()
    expected = {
        f"model_ft.{key}": tuple(value.shape)
        for key, value in plain.items()
        if not key.startswith("last_linear")
    }
    expected |= {
        "model_ft.last_linear.0.weight": (6, 2048),
        "model_ft.last_linear.0.bias": (6,),
    }
    assert layout(SE_RESNEXT) == expected


@pytest.mark.parametrize(
    ("name", "key", "shape"),
    [
        (DENSENETS[0], "densenet121.conv0.weight", (64, 3, 7, 7)),
        (DENSENETS[0], "densenet121.denseblock4.denselayer16.conv2.weight", (32, 128, 3, 3)),
        (DENSENETS[1], "densenet169.denseblock4.denselayer32.norm2.running_var", (128,)),
        (DENSENETS[1], "densenet169.norm5.bias", (1664,)),
        (SE_RESNEXT, "model_ft.layer0.conv1.weight", (64, 3, 7, 7)),
        (SE_RESNEXT, "model_ft.layer3.22.se_module.fc1.weight", (64, 1024, 1, 1)),
        (SE_RESNEXT, "model_ft.layer4.2.conv2.weight", (1024, 32, 3, 3)),
    ],
)
def test_some_keys_word_for_word(name, key, shape):
    assert layout(name)[key] == shape


def test_forward_is_head_of_features(network):
    x = torch.linspace(-2, 2, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)
    with torch.inference_mode():
        features = network.forward_features(x)
        logits = network.forward_head(features)
        whole = network(x)
    assert features.shape[0] == 2 and features.shape[2:] == (2, 2)
    assert logits.shape == (2, 6) and logits.dtype == torch.float32
    assert torch.equal(whole, logits)


@pytest.mark.parametrize("name", DENSENETS)
def test_densenet_features_are_before_the_relu(name, stand_in_models):
    (file,) = find_checkpoints(stand_in_models, BACKBONES[name], 1)
    network = load_folds([file], torch.device("cpu"))[0].network
    with torch.inference_mode():
        features = network.forward_features(torch.rand(1, 3, 64, 64))
        by_hand = network.mlp(features.clamp(min=0).mean((2, 3)))
        assert (features < 0).any()
        assert torch.allclose(network.forward_head(features), by_hand)


def test_se_resnext_head_is_mean_then_linear(stand_in_models):
    (file,) = find_checkpoints(stand_in_models, BACKBONES[SE_RESNEXT], 1)
    network = load_folds([file], torch.device("cpu"))[0].network
    features = torch.rand(2, 2048, 3, 3)
    with torch.inference_mode():
        (linear,) = network.model_ft.last_linear
        by_hand = linear(features.mean((2, 3)))
        assert torch.allclose(network.forward_head(features), by_hand, atol=1e-5)


def test_pooled_features_are_what_the_linear_head_sees(network):
    maps = torch.linspace(-1, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)
    head = network.mlp if hasattr(network, "mlp") else network.model_ft.last_linear
    with torch.inference_mode():
        features = network.forward_features(maps)
        pooled = network.pool(features)
        logits = network.forward_head(features)
        assert torch.allclose(head(pooled), logits, atol=1e-5)
    assert pooled.shape == features.shape[:2]
    assert (pooled >= 0).all()  # after the ReLU


@pytest.mark.parametrize("half", ["forward_features", "forward_head", "pool"])
def test_the_base_class_has_no_halves(half):
    with pytest.raises(NotImplementedError):
        getattr(Network(), half)(torch.zeros(1, 3, 2, 2))
