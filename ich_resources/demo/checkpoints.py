"""Stand-in checkpoints: the right layout, seeded values, no training, and marked so.

The files have the same bytes on every machine. The values come from an integer generator, and from
multiplications and square roots, which IEEE 754 rounds in one way. No statistics are computed: the
constants that were measured once are in ``heads`` and ``centres.npz``.
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.networks import build_network
from ich_resources.backbones.state_dict import UNTRAINED_KEY
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone, checkpoint_name
from ich_resources.demo.heads import LOGIT_MEANS, LOGIT_SPREADS
from ich_resources.digests import file_sha256

LOGIT_SPREAD = 2.0
"""Standard deviation of each logit over the slices of a phantom head, about."""
LOGIT_MEAN = -0.5
"""Mean of each logit over the slices of a phantom head, about."""
CENTRES = Path(__file__).with_name("centres.npz")
"""Mean and variance of each feature of the DenseNets over a phantom head: float16, shape (2, K).

They were measured once, by backbone and fold, and are a fixed part of the stand-ins. Without them
every feature has one sign over the whole slice, and Grad-CAM is zero for half of the classes.
"""
RESIDUAL_WEIGHT = 0.25
"""Weight of the last batch norm of each residual block, so that a sum of 33 blocks stays small."""


def write_checkpoints(model_dir: Path, *, folds: int = 1) -> None:
    """Write stand-in checkpoints of every backbone, and their digests.

    The heads are scaled so that probabilities differ from slice to slice. The numbers mean nothing.

    Parameters
    ----------
    model_dir : Path
        Gets ``2DNet/...`` as the release has it, and ``checkpoints.sha256``.
    folds : int
        Folds per backbone, at most five.

    Raises
    ------
    ValueError
        If there are more folds than the release has.
    """
    if not 1 <= folds <= FOLDS:
        raise ValueError(f"a backbone has 1 to {FOLDS} folds, not {folds}")
    lines = []
    for backbone in BACKBONES.values():
        for fold in range(folds):
            path = model_dir / backbone.folder / checkpoint_name(fold)
            path.parent.mkdir(parents=True, exist_ok=True)
            _save(stand_in_state(backbone, fold), fold, path)
            lines.append(f"{file_sha256(path)}  {path.relative_to(model_dir).as_posix()}\n")
    (model_dir / DIGESTS_FILE).write_text("".join(lines), encoding="utf-8")


def stand_in_state(backbone: Backbone, fold: int) -> dict[str, Tensor]:
    """Return the weights of one stand-in.

    Parameters
    ----------
    backbone : Backbone
        Its layout.
    fold : int
        Number of the fold; each has weights of its own.

    Returns
    -------
    dict of str to Tensor
        float32, counters int64, in the shapes of the backbone's layers. Convolutions and heads
        are uniform with the variance 2 / fan-in of He et al. (2015, doi 10.1109/ICCV.2015.123).
        Batch norms keep their input as it is.
    """
    state = raw_state(backbone, fold)
    head = "mlp" if backbone.family == "densenet" else "model_ft.last_linear.0"
    weight = next(key for key in state if key.startswith(head) and key.endswith("weight"))
    bias = weight.removesuffix("weight") + "bias"
    means, spreads = LOGIT_MEANS[backbone.name][fold], LOGIT_SPREADS[backbone.name][fold]
    for row, (mean, spread) in enumerate(zip(means, spreads, strict=True)):
        scale = LOGIT_SPREAD / spread
        state[weight][row] *= scale
        state[bias][row] = LOGIT_MEAN - mean * scale
    return state


def raw_state(backbone: Backbone, fold: int) -> dict[str, Tensor]:
    """Return the weights of one stand-in before its head is scaled; see ``stand_in_state``.

    Parameters
    ----------
    backbone : Backbone
        Its layout.
    fold : int
        Number of the fold. With the backbone it is the seed.

    Returns
    -------
    dict of str to Tensor
        float32, counters int64, in the shapes of the backbone's layers.
    """
    number = list(BACKBONES).index(backbone.name)
    stream = np.random.Generator(np.random.PCG64([number, fold]))
    with torch.device("meta"):
        layout = build_network(backbone).state_dict()
    state = {key: _values(key, value, stream) for key, value in layout.items()}
    if backbone.family == "densenet":  # the last batch norm centres the features
        with np.load(CENTRES) as centres:
            mean, variance = centres[f"{backbone.asset}_{fold}"].astype(np.float32)
        last = f"{backbone.architecture}.norm5"
        state[f"{last}.running_mean"] = torch.from_numpy(mean)
        state[f"{last}.running_var"] = torch.from_numpy(variance)
    return state


def _values(key: str, layout: Tensor, stream: np.random.Generator) -> Tensor:
    if layout.ndim >= 2:
        width = 2 * math.sqrt(6 / layout[0].numel())  # of the uniform values, about zero
        drawn = stream.random(tuple(layout.shape), dtype=np.float32)
        return torch.from_numpy((drawn - np.float32(0.5)) * np.float32(width))
    if not layout.is_floating_point():
        return torch.zeros(layout.shape, dtype=layout.dtype)
    if key.endswith(("running_mean", "bias")):
        return torch.zeros(layout.shape)
    return torch.full(layout.shape, RESIDUAL_WEIGHT if ".bn3.weight" in key else 1.0)


def _save(state: dict[str, Tensor], fold: int, path: Path) -> None:
    released = {f"module.{key}": value for key, value in state.items()}
    torch.save({"state_dict": released, "epoch": fold, "valLoss": 0.0, UNTRAINED_KEY: True}, path)
