"""Stand-in checkpoints: the right layout, seeded weights, no training, and marked so."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ich_resources.backbones.checkpoint import DIGESTS_FILE
from ich_resources.backbones.networks import Network, build_network
from ich_resources.backbones.state_dict import UNTRAINED_KEY
from ich_resources.backbones.table import BACKBONES, Backbone, checkpoint_name
from ich_resources.demo.phantom import head_hu
from ich_resources.digests import file_sha256
from ich_resources.preprocessing import centre_crop, network_input, window_to_uint8

LOGIT_SPREAD = 2.0
"""Standard deviation of each logit over the calibration slices."""
LOGIT_MEAN = -0.5
"""Mean of each logit over the calibration slices."""


def write_checkpoints(model_dir: Path, *, folds: int = 1, slices: int = 6, seed: int = 0) -> None:
    """Write stand-in checkpoints of every backbone, and their digests.

    Batch-norm statistics come from phantom slices, and the heads are scaled so that probabilities
    differ from slice to slice; the numbers mean nothing.

    Parameters
    ----------
    model_dir : Path
        Gets ``2DNet/...`` as the release has it, and ``checkpoints.sha256``.
    folds : int
        Folds per backbone.
    slices : int
        Phantom slices to calibrate on, at least two.
    seed : int
        Same seed, same weights, up to rounding.

    Raises
    ------
    ValueError
        If there are fewer than two slices.
    """
    if slices < 2:
        raise ValueError("two slices at least, or no logit has a spread")
    heights = np.linspace(0.2, 0.9, slices)
    hu = [head_hu(float(height), bleed=bool(i % 2)) for i, height in enumerate(heights)]
    crops = np.stack([centre_crop(window_to_uint8(image, 40.0, 80.0)) for image in hu])
    lines = []
    for number, backbone in enumerate(BACKBONES.values()):
        batch = network_input(crops, slice(None), backbone.input_size, "replicated")
        for fold in range(folds):
            path = model_dir / backbone.folder / checkpoint_name(fold)
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.manual_seed(1000 * seed + 10 * number + fold)
            _save(_calibrated(backbone, torch.from_numpy(batch)), fold, path)
            digest = file_sha256(path)
            lines.append(f"{digest}  {path.relative_to(model_dir).as_posix()}\n")
    (model_dir / DIGESTS_FILE).write_text("".join(lines), encoding="utf-8")


def _calibrated(backbone: Backbone, batch: torch.Tensor) -> Network:
    network = build_network(backbone)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # plain averages, over the one pass below
    batch = batch.contiguous(memory_format=torch.channels_last)
    network.to(memory_format=torch.channels_last)
    with torch.no_grad():
        network.train().forward_features(batch)
        logits = network.eval()(batch)
        head = network.get_submodule("mlp" if backbone.family == "densenet" else "model_ft")
        linear = head if isinstance(head, nn.Linear) else head.get_submodule("last_linear.0")
        assert isinstance(linear, nn.Linear)
        scale = LOGIT_SPREAD / logits.std(0)
        linear.weight.mul_(scale[:, None])
        linear.bias.sub_(logits.mean(0)).mul_(scale).add_(LOGIT_MEAN)
    return network


def _save(network: Network, fold: int, path: Path) -> None:
    state = {f"module.{key}": value.contiguous() for key, value in network.state_dict().items()}
    torch.save({"state_dict": state, "epoch": fold, "valLoss": 0.0, UNTRAINED_KEY: True}, path)
