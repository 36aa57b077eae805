"""Where the first weights of a training lie, and whether they are the right files (no torch)."""

import os
from dataclasses import dataclass
from pathlib import Path

from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.checkpoint_digests import digest_file
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.errors import CheckpointError, IchError
from ich_resources.training.recipe import Init, Recipe

IMAGENET_URLS = {
    "DenseNet121_change_avg": "https://download.pytorch.org/models/densenet121-a639ec97.pth",
    "DenseNet169_change_avg": "https://download.pytorch.org/models/densenet169-b2777c0a.pth",
    "se_resnext101_32x4d": "http://data.lip6.fr/cadene/pretrainedmodels/"
    "se_resnext101_32x4d-3b2fe3d8.pth",
}
"""Address of the ImageNet weights of each backbone. The name ends with the start of its SHA-256."""


@dataclass(frozen=True)
class InitialFile:
    """Where the first weights come from.

    Attributes
    ----------
    init : {"imagenet", "released", "random"}
        The kind.
    path : Path or None
        The file; None for random weights.
    digest : str
        SHA-256 of the file; empty for random weights.
    trained : Trained or None
        What a checkpoint of one's own training says about itself.
    leak : bool
        Whether the weights may have seen the slices that the training holds out, and a person has
        accepted that. Every table then says so.
    """

    init: Init
    path: Path | None = None
    digest: str = ""
    trained: Trained | None = None
    leak: bool = False


def find_initial(
    recipe: Recipe, imagenet_dir: Path | None = None, model_dir: Path | None = None
) -> InitialFile:
    """Find and digest the file that a training starts from.

    Parameters
    ----------
    recipe : Recipe
        Its ``init``, backbone and fold.
    imagenet_dir : Path, optional
        Folder of the ImageNet weights; without it, the cache of torch hub.
    model_dir : Path, optional
        Model folder of the released checkpoints, for ``init: released``.

    Raises
    ------
    CheckpointError
        If the file is missing, or is not the one that its name promises. A checkpoint that says
        itself that it is of another fold is such a file.
    IchError
        If ``init`` is ``released`` and there is no model folder.
    """
    backbone = BACKBONES[recipe.backbone]
    if recipe.init == "random":
        return InitialFile("random")
    if recipe.init == "released":
        if model_dir is None:
            raise IchError(
                "init is released, and no folder of checkpoints is given",
                remedy="set MODEL_DIR to the folder that holds 2DNet",
            )
        file = find_checkpoint(model_dir, backbone, recipe.fold)
        return InitialFile("released", file.path, file.digest, file.trained)
    folder = imagenet_dir or torch_hub_folder()
    path = folder / imagenet_name(backbone)
    if not path.is_file():
        raise CheckpointError(
            f"the ImageNet weights of {backbone.name} are missing", path=path, remedy=_remedy()
        )
    digest = digest_file(path)
    require_named_digest(path, digest)
    return InitialFile("imagenet", path, digest)


def imagenet_name(backbone: Backbone) -> str:
    """Return the file name of a backbone's ImageNet weights."""
    return IMAGENET_URLS[backbone.name].rpartition("/")[2]


def torch_hub_folder() -> Path:
    """Return the folder where torch hub keeps weights; as ``torch.hub`` finds it, without torch."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def require_named_digest(path: Path, digest: str) -> None:
    """Check that a file has the digest that its name promises.

    Parameters
    ----------
    path : Path
        Its name ends with a hyphen and the first digits of the SHA-256: ``name-a639ec97.pth``.
    digest : str
        SHA-256 of the file, hexadecimal.

    Raises
    ------
    CheckpointError
        If the digest begins with other digits.
    """
    promised = path.stem.rpartition("-")[2]
    if not digest.startswith(promised):
        raise CheckpointError(
            f"the SHA-256 of the ImageNet weights begins with {digest[:8]}, not {promised}",
            path=path,
            remedy=f"the file is damaged or another one: {_remedy()}",
        )


def _remedy() -> str:
    return (
        f"put {', '.join(IMAGENET_URLS.values())} into IMAGENET_DIR, or set init to random to "
        "train from random weights"
    )
