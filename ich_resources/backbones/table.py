"""Facts about the backbones; importable without torch (docs/reference.md, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ich_resources.errors import IchError

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
"""Arithmetic of the network passes."""
FOLDS = 5
"""Folds released per backbone."""
CELL = 32
"""Distance of two cells of the last feature maps, in pixels of the network input."""


@dataclass(frozen=True)
class Backbone:
    """One backbone of the ensemble.

    Attributes
    ----------
    name : str
        Its name in every table and manifest.
    asset : str
        Its short name in Dagster.
    folder : str
        Its folder below the model folder.
    input_size : int
        Edge S of the network input in pixels.
    family : {"densenet", "senet"}
        Which library builds it and how its head is named.
    architecture : str
        Name of the network in torchvision or pretrainedmodels.
    feature_width : int
        Channels of the last feature maps.
    first_cell : float
        Input pixel, in both directions, on which the first cell of the last feature maps is
        centred. Cell k is centred on ``CELL * k + first_cell``.
    """

    name: str
    asset: str
    folder: str
    input_size: int
    family: Literal["densenet", "senet"]
    architecture: str
    feature_width: int
    first_cell: float

    @property
    def predictions_step(self) -> str:
        """Name of its predictions asset."""
        return f"{self.asset}_predictions"


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="DenseNet121_change_avg",
            asset="densenet121",
            folder="2DNet/DenseNet121_change_avg_512",
            input_size=512,
            family="densenet",
            architecture="densenet121",
            feature_width=1024,
            first_cell=14.0,
        ),
        Backbone(
            name="DenseNet169_change_avg",
            asset="densenet169",
            folder="2DNet/DenseNet169_change_avg_256",
            input_size=256,
            family="densenet",
            architecture="densenet169",
            feature_width=1664,
            first_cell=14.0,
        ),
        Backbone(
            name="se_resnext101_32x4d",
            asset="se_resnext101",
            folder="2DNet/se_resnext101_32x4d_256",
            input_size=256,
            family="senet",
            architecture="se_resnext101_32x4d",
            feature_width=2048,
            first_cell=2.0,
        ),
    )
}
"""The ensemble, by name, in its order."""


def checkpoint_name(fold: int) -> str:
    """Return the file name of a fold's checkpoint."""
    return f"model_epoch_best_{fold}.pth"


def choose_backbones(names: Sequence[str]) -> list[Backbone]:
    """Return some backbones in the ensemble's order.

    Parameters
    ----------
    names : sequence of str
        Their names, in any order.

    Raises
    ------
    IchError
        If a name is unknown or given twice, or none is given.
    """
    if not names or len(set(names)) < len(names) or not set(names) <= set(BACKBONES):
        raise IchError(
            f"backbones is {list(names)}: it must name some of {', '.join(BACKBONES)}, each once",
            remedy="see resources.networks.config.backbones in run.example.yaml",
        )
    return [backbone for name, backbone in BACKBONES.items() if name in names]
