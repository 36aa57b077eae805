"""The settings of one training: everything that decides its weights; importable without torch.

Defaults and departures are those of docs/reference.md, section 7; each departure is a field here.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.digests import fingerprint
from ich_resources.errors import CheckpointError
from ich_resources.preprocessing import SliceContext

Schedule = Literal["reference", "one_cycle"]
Augment = Literal["reference", "mirror"]
Init = Literal["imagenet", "released", "random"]
Keep = Literal["best", "last"]
TrainingPrecision = Literal["auto", "float32", "bfloat16"]
GroupBy = Literal["series", "study"]

TIMES_PER_EPOCH = 4
"""How often an epoch visits each series."""
_BATCHES = {"densenet": (256, 128), "senet": (80, 40)}
"""Slices per batch of training and of validation, by family; as the reference."""
_CHOICES: dict[str, tuple[str, ...]] = {
    "slice_context": ("replicated", "adjacent"),
    "schedule": ("reference", "one_cycle"),
    "augment": ("reference", "mirror"),
    "keep": ("best", "last"),
    "init": ("imagenet", "released", "random"),
    "group_by": ("series", "study"),
    "precision": ("auto", "float32", "bfloat16"),
}
_POSITIVE = ("epochs", "validation_batch_size", "rate", "any_weight")


@dataclass(frozen=True)
class Recipe:
    """The settings of one training of one fold of one backbone.

    Attributes
    ----------
    backbone : str
        Name of the backbone.
    fold : int
        The fold that is held out.
    input_size : int
        Edge S of the network input in pixels.
    slice_context : {"adjacent", "replicated"}
        Content of the three channels: (i+1, i, i-1), as the reference trains, or one slice.
    epochs : int
        Passes over the training series; each visits every series four times.
    batch_size, validation_batch_size : int
        Slices per step of the optimiser, and per pass of validation.
    micro_batch : int or None
        Largest number of slices per pass; None for the whole batch. Gradients of the parts are
        added up. Batch norm sees the parts.
    schedule : {"reference", "one_cycle"}
        How the learning rate changes.
    rate : float
        Highest learning rate.
    weight_decay : float
        L2 penalty of Adam (coupled).
    clip_norm : float or None
        Largest norm of the gradient; None for no limit.
    any_weight : float
        Weight of the class ``any`` in the loss; 1 as the reference.
    augment : {"reference", "mirror"}
        All six steps of the reference, or its mirror alone.
    last_slice : bool
        Whether the last slice of a series may be a centre. The reference never takes it.
    keep : {"best", "last"}
        The validated epoch with the lowest weighted log loss, or the last epoch.
    precision : {"auto", "float32", "bfloat16"}
        ``auto`` is bfloat16 on CUDA where the GPU has it, else float32.
    init : {"imagenet", "released", "random"}
        Where the first weights come from.
    group_by : {"series", "study"}
        What neighbours are taken from.
    seed : int
        Seed of samples, augmentation and random weights.

    Raises
    ------
    ValueError
        If a value is not among the choices.
    """

    backbone: str
    fold: int
    input_size: int
    batch_size: int
    validation_batch_size: int
    slice_context: SliceContext = "adjacent"
    epochs: int = 80
    micro_batch: int | None = None
    schedule: Schedule = "reference"
    rate: float = 5e-4
    weight_decay: float = 2e-5
    clip_norm: float | None = None
    any_weight: float = 1.0
    augment: Augment = "reference"
    last_slice: bool = True
    keep: Keep = "best"
    precision: TrainingPrecision = "auto"
    init: Init = "imagenet"
    group_by: GroupBy = "series"
    seed: int = 1992

    def __post_init__(self) -> None:
        wrong = [name for name, allowed in _CHOICES.items() if getattr(self, name) not in allowed]
        wrong += [name for name in _POSITIVE if not getattr(self, name) > 0]
        wrong += [
            name
            for name, limit in (("micro_batch", 2), ("clip_norm", 0))
            if (value := getattr(self, name)) is not None and not (value >= limit and value > 0)
        ]
        if self.backbone not in BACKBONES:
            wrong.append("backbone")
        if not 0 <= self.fold < FOLDS:
            wrong.append("fold")
        if self.batch_size < 2:  # batch norm needs two samples
            wrong.append("batch_size")
        if not 32 <= self.input_size <= 4096:
            wrong.append("input_size")
        if self.seed < 0 or self.weight_decay < 0:
            wrong.append("seed or weight_decay")
        if wrong:
            shown = ", ".join(f"{name} {getattr(self, name, '')!r}" for name in wrong)
            raise ValueError(f"the recipe of a training has values it cannot have: {shown}")

    @classmethod
    def for_fold(cls, backbone: Backbone, fold: int, **switches: Any) -> Self:
        """Return the default recipe of a backbone, with some fields changed.

        Parameters
        ----------
        backbone : Backbone
            Its input size and family give the defaults.
        fold : int
            The fold that is held out.
        **switches
            Fields by name. None means the default, except where a field may be None.

        Raises
        ------
        ValueError
            If a value is not among the choices.
        """
        batch, validation_batch = _BATCHES[backbone.family]
        values: dict[str, Any] = {
            "input_size": backbone.input_size,
            "batch_size": batch,
            "validation_batch_size": validation_batch,
        }
        values |= {name: value for name, value in switches.items() if value is not None}
        return cls(backbone.name, fold, **values)

    def to_plain(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return dataclasses.asdict(self)

    def settings(self) -> dict[str, Any]:
        """Return the fields that all folds share, as checkpoints hold them, as plain values."""
        return {
            name: value
            for name, value in self.to_plain().items()
            if name not in ("backbone", "fold")
        }

    @classmethod
    def from_settings(cls, backbone: str, fold: int, settings: Mapping[str, Any]) -> Self:
        """Return the recipe of a fold with the fields that ``settings`` gave.

        Parameters
        ----------
        backbone : str
            Name of the backbone.
        fold : int
            The fold that is held out.
        settings : mapping
            All further fields, as the method ``settings`` gives them.

        Raises
        ------
        CheckpointError
            If a field is missing, unknown or has a value that it cannot have.
        """
        try:
            return cls(backbone, fold, **settings)
        except (TypeError, ValueError) as err:
            raise CheckpointError(
                f"the recipe of a training cannot be read: {err}",
                remedy="use the version of ich that trained it, or train again",
            ) from err

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all fields, hexadecimal."""
        return fingerprint(self.to_plain())
