"""The settings of a training as a Dagster resource."""

from pathlib import Path
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from ich_resources.backbones.table import Backbone
from ich_resources.environment import IMAGENET_DIR, MODEL_DIR, read_variable
from ich_resources.errors import IchError
from ich_resources.preprocessing import SliceContext
from ich_resources.training.initial_files import InitialFile, find_initial
from ich_resources.training.recipe import (
    Augment,
    GroupBy,
    Init,
    Keep,
    Recipe,
    Schedule,
    TrainingPrecision,
)
from ich_resources.training.results import Machine
from ich_resources.training.view_options import Tta, ViewOptions

_NOT_IN_RECIPE = frozenset(
    ("imagenet_dir", "model_dir", "device", "threads", "tta", "accept_leak", "trained_on")
)
_REMEDY = "see resources.training in train.example.yaml"


class TrainingResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """How the 2D networks are trained. An empty field takes the default of each backbone."""

    init: Init = Field(
        default="imagenet",
        description="First weights: imagenet (files in imagenet_dir), released (fine-tunes the "
        "fold of the same number in model_dir) or random.",
    )
    imagenet_dir: str = Field(
        default="",
        description="Folder of the three ImageNet files. Empty: the environment's IMAGENET_DIR, "
        "else the cache of torch hub.",
    )
    model_dir: str = Field(
        default="",
        description="Folder that holds 2DNet, for init released. "
        "Empty: the environment's MODEL_DIR.",
    )
    epochs: int = Field(default=80, ge=1, description="Epochs; each visits a series four times.")
    batch_size: int | None = Field(
        default=None, ge=2, description="Slices per step. Empty: 256, SE-ResNeXt101 80."
    )
    validation_batch_size: int | None = Field(
        default=None,
        ge=1,
        description="Slices per pass of validation and prediction. Empty: 128, SE-ResNeXt101 40.",
    )
    micro_batch: int | None = Field(
        default=None,
        ge=2,
        description="Largest number of slices per pass of a step, where a GPU's memory does not "
        "hold the batch. Batch norm then sees the parts. Empty: the whole batch.",
    )
    input_size: int | None = Field(
        default=None,
        ge=32,
        description="Edge of the network input in pixels. Empty: the backbone's own (512, 256, "
        "256).",
    )
    slice_context: SliceContext = Field(
        default="adjacent", description="Channels: the slice and its neighbours, or one slice."
    )
    group_by: GroupBy = Field(
        default="series", description="What neighbours are taken from; study as the reference."
    )
    last_slice: bool = Field(
        default=True,
        description="Whether the last slice of a series is trained on; false as the reference.",
    )
    schedule: Schedule = Field(
        default="reference", description="Learning rate: reference, or one_cycle for small sets."
    )
    rate: float = Field(default=5e-4, gt=0, description="Highest learning rate.")
    weight_decay: float = Field(default=2e-5, ge=0, description="L2 penalty of Adam.")
    clip_norm: float | None = Field(
        default=None, gt=0, description="Largest norm of the gradient. Empty: no limit."
    )
    any_weight: float = Field(
        default=1.0, gt=0, description="Weight of the class any in the loss; the metric has 2."
    )
    augment: Augment = Field(
        default="reference", description="All steps of the reference, or its mirror alone."
    )
    keep: Keep = Field(
        default="best",
        description="The validated epoch with the lowest weighted log loss, or the last epoch.",
    )
    precision: TrainingPrecision = Field(
        default="auto", description="auto: bfloat16 on CUDA where the GPU has it, else float32."
    )
    seed: int = Field(
        default=1992, ge=0, description="Seed of samples, augmentation and random weights."
    )
    tta: Tta = Field(
        default="four",
        description="Views of predictions: none, four (fixed) or random10 (as the reference).",
    )
    device: str = Field(
        default="auto", description="auto, cpu, cuda or cuda:N; a training takes one GPU."
    )
    threads: int = Field(
        default=4, ge=1, description="Threads that decode and augment; they change no number."
    )
    accept_leak: bool = Field(
        default=False,
        description="Whether released checkpoints may be fine-tuned with folds other than theirs. "
        "Out-of-fold numbers are then worthless, and every table says so.",
    )
    trained_on: Literal["patients", "phantoms"] = Field(
        default="patients", description="What the slices show; checkpoints and pages say it."
    )

    def recipe(self, backbone: Backbone, fold: int) -> Recipe:
        """Return the recipe of one fold of a backbone.

        Raises
        ------
        IchError
            If a value is not among the choices.
        """
        fields: dict[str, Any] = self.model_dump(exclude=set(_NOT_IN_RECIPE))
        try:
            return Recipe.for_fold(backbone, fold, **fields)
        except ValueError as err:
            raise IchError(str(err), remedy=_REMEDY) from err

    def initial(self, recipe: Recipe) -> InitialFile:
        """Find and digest the first weights; see ``initial_files.find_initial``."""
        return find_initial(
            recipe,
            _optional_folder(self.imagenet_dir, IMAGENET_DIR),
            _optional_folder(self.model_dir, MODEL_DIR),
        )

    def views(self, recipe: Recipe) -> ViewOptions:
        """Return how predictions show the slices."""
        return ViewOptions.of(recipe, self.tta)

    @property
    def machine(self) -> Machine:
        """Device and threads."""
        return Machine(self.device, self.threads)


def _optional_folder(configured: str, variable: str) -> Path | None:
    text = configured.strip() or read_variable(variable)
    return Path(text).expanduser().absolute() if text else None
