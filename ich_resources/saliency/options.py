"""Options of the saliency maps; importable without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.hemorrhage import CLASSES

SaliencyMode = Literal["ensemble", "single"]
SaliencyMethod = Literal["input_grad", "gradcam", "gradcampp"]
Preset = Literal["clear", "reference"]
Target = Literal["bars", "networks"]
Scale = Literal["probability", "map"]


class Appearance(NamedTuple):
    """What a preset sets.

    Attributes
    ----------
    target : {"bars", "networks"}
        Class that a map explains: the highest bar, or the class that the networks behind the maps
        find most probable.
    scale : {"probability", "map"}
        Opacity of the colours: 0.65 · map · P(target), or 0.65 · map.
    align : bool
        Whether each cell of a Grad-CAM is drawn where it looks.
    """

    target: Target
    scale: Scale
    align: bool


PRESETS: Mapping[Preset, Appearance] = {
    "clear": Appearance("bars", "probability", align=True),
    "reference": Appearance("networks", "map", align=False),
}


@dataclass(frozen=True)
class SaliencyOptions:
    """Options of docs/reference.md, section 5.

    Attributes
    ----------
    mode : {"ensemble", "single"}
        The mean map of all backbones, or the map of one.
    method : {"input_grad", "gradcam", "gradcampp"}
        Method that makes the map.
    target_class : str or None
        The class that the map explains; None for the most probable class of each slice.
    image_size_override : int or None
        Edge of the saliency input in pixels; None for the input size of the backbone.
    max_slices_per_series : int or None
        Number of slices, from the middle of the series; None for all.
    single_backbone : str
        The backbone in mode single.
    single_fold : int
        The fold in mode single.
    align : bool
        Whether each cell of a Grad-CAM is drawn where it looks; see ``alignment``.

    Raises
    ------
    ValueError
        If a value is not among the choices.
    """

    mode: SaliencyMode = "ensemble"
    method: SaliencyMethod = "gradcampp"
    target_class: str | None = None
    image_size_override: int | None = None
    max_slices_per_series: int | None = None
    single_backbone: str = "DenseNet121_change_avg"
    single_fold: int = 0
    align: bool = False

    def __post_init__(self) -> None:
        if self.target_class is not None and self.target_class not in CLASSES:
            raise ValueError(
                f"target_class {self.target_class!r} is not one of {', '.join(CLASSES)}"
            )
        if self.single_backbone not in BACKBONES:
            raise ValueError(
                f"single_backbone {self.single_backbone!r} is not one of {', '.join(BACKBONES)}"
            )
        if self.single_fold not in range(FOLDS):
            raise ValueError(f"single_fold {self.single_fold} is not one of 0 to {FOLDS - 1}")
        if self.image_size_override is not None and self.image_size_override < 64:
            raise ValueError("image_size_override is smaller than 64 pixels")
        if self.max_slices_per_series is not None and self.max_slices_per_series < 1:
            raise ValueError("max_slices_per_series is smaller than 1")


def middle_slices(count: int, most: int | None) -> range:
    """Return the indices of the middle slices of a series.

    Parameters
    ----------
    count : int
        Number of slices in the series.
    most : int or None
        Largest number of slices to return; None for all.
    """
    if most is None or most >= count:
        return range(count)
    first = (count - most) // 2
    return range(first, first + most)
