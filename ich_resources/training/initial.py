"""The network at the start of a training."""

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from ich_resources.backbones.heads import Network
from ich_resources.backbones.networks import build_network
from ich_resources.backbones.state_dict import read_state_dict, require_fit
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.recipe import Recipe
from ich_resources.training.seeds import torch_seed

_OLD_LAYER = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12])\.")
_CLASSIFIERS = ("classifier.", "last_linear.")
_NEW_HEAD = ("mlp.", "model_ft.last_linear.")
_COUNTER = ".num_batches_tracked"


def initial_network(recipe: Recipe, initial: InitialFile) -> Network:
    """Return the network that a training starts from, on the CPU.

    Parameters
    ----------
    recipe : Recipe
        Backbone, and the seed of what is random: all of it, or the head alone.
    initial : InitialFile
        From ``find_initial``.

    Raises
    ------
    CheckpointError
        If the file is damaged, holds more than weights, or does not fit the backbone.
    """
    backbone = BACKBONES[recipe.backbone]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(recipe))
        network = build_network(backbone)
        if initial.init == "random":
            _start_near_identity(network)
    if initial.path is not None:
        weights, _ = read_state_dict(initial.path)
        if initial.init == "imagenet":
            weights = from_imagenet(weights, network, backbone)
        require_fit(network, weights, backbone, initial.path)
        network.load_state_dict(weights, strict=True)
    return network


def _start_near_identity(network: Network) -> None:
    """Let a residual network begin as a shallow one: its blocks first pass on what they get.

    The last batch norm of each residual block starts at zero (Goyal et al. 2017, arXiv 1706.02677,
    section 5.1), and its convolutions have the variance 2 / fan-in (He et al. 2015,
    doi 10.1109/ICCV.2015.123). With the values of pretrainedmodels, SE-ResNeXt101 learned nothing
    from 2,000 phantom slices but the height of a slice. A DenseNet has no such blocks.
    """
    layers = dict(network.named_modules())
    last_norms = [layer for name, layer in layers.items() if name.endswith(".bn3")]
    for norm in last_norms:
        nn.init.zeros_(norm.get_parameter("weight"))
    for layer in layers.values() if last_norms else ():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def from_imagenet(
    weights: dict[str, Tensor], network: Network, backbone: Backbone
) -> dict[str, Tensor]:
    """Return the state dict of a network with the weights of an ImageNet file, but for the head.

    Parameters
    ----------
    weights : dict of str to Tensor
        As torchvision or pretrainedmodels published it.
    network : Network
        Its head is kept, and so are counters that old files lack.
    backbone : Backbone
        Its family says how layers are named.

    Returns
    -------
    dict of str to Tensor
        The dtype and the shape of each weight are those of the file, and those of the network
        for what is kept.

    Notes
    -----
    Old DenseNet files name the layers ``norm.1`` and ``conv.2``; today's names are ``norm1`` and
    ``conv2``. Any other difference stays, and ``require_fit`` names it.
    """
    kept = {
        key: value
        for key, value in network.state_dict().items()
        if key.startswith(_NEW_HEAD) or key.endswith(_COUNTER)
    }
    for key, value in weights.items():
        if not key.startswith(_CLASSIFIERS):
            kept[_renamed(key, backbone)] = value
    return kept


def _renamed(key: str, backbone: Backbone) -> str:
    if backbone.family == "senet":
        return f"model_ft.{key}"
    key = _OLD_LAYER.sub(r"\1\2.", key)
    return f"{backbone.architecture}.{key.removeprefix('features.')}"


def load_weights(weights: dict[str, Tensor], backbone: Backbone, path: Path) -> Network:
    """Return a network with the weights of a checkpoint of ours, checked key by key.

    Parameters
    ----------
    weights : dict of str to Tensor
        State dict, on the CPU. The network takes these tensors and does not copy them.
    backbone : Backbone
        The network.
    path : Path
        The checkpoint, for the error.

    Raises
    ------
    CheckpointError
        If they do not fit the backbone.
    """
    with torch.device("meta"):
        network = build_network(backbone)
    require_fit(network, weights, backbone, path)
    network.load_state_dict(weights, strict=True, assign=True)
    return network
