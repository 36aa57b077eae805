"""Door of the networks: which, from where, on which device."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from ich_resources.backbones.checkpoint import CheckpointFile, find_checkpoint, find_checkpoints
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.environment import MAX_FOLDS, MODEL_DIR, folder, whole_number
from ich_resources.errors import IchError
from ich_resources.findings import FoldProbabilities
from ich_resources.series import SeriesImages

if TYPE_CHECKING:
    from ich_resources.backbones.loading import LoadedFold

PRECISION = "float32"
"""Arithmetic of every network pass."""


class NetworksResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The GPU model resource: the ensemble's networks with their weights.

    Each checkpoint is deserialised once per process, however many series run.
    """

    model_dir: str = Field(
        default="", description="Folder that holds 2DNet. Empty: the environment's MODEL_DIR."
    )
    device: str = Field(
        default="auto",
        description="auto, cpu, cuda or cuda:N. A device asked for and absent is an error.",
    )
    batch_size: int = Field(default=16, ge=1, description="Slices per network pass.")
    max_folds_per_backbone: int | None = Field(
        default=None,
        ge=1,
        le=FOLDS,
        description="Only the first so many folds. "
        "Empty: the environment's MAX_FOLDS_PER_BACKBONE, else all five.",
    )
    backbones: list[str] = Field(
        default=list(BACKBONES), description="The backbones of the ensemble, by name."
    )
    slice_context: Literal["replicated", "adjacent"] = Field(
        default="replicated",
        description="Three channels of one slice (as the reference), or its neighbours.",
    )

    @property
    def folder(self) -> Path:
        """The model folder."""
        return folder(self.model_dir, MODEL_DIR, "resources.networks.config.model_dir")

    @property
    def max_folds(self) -> int | None:
        """Folds per backbone at most, None for all."""
        return whole_number(self.max_folds_per_backbone, MAX_FOLDS, FOLDS)

    @property
    def chosen(self) -> list[Backbone]:
        """The chosen backbones, in the ensemble's order.

        Raises
        ------
        IchError
            If a name is unknown or given twice, or none is given.
        """
        names = self.backbones
        if not names or len(set(names)) < len(names) or not set(names) <= set(BACKBONES):
            raise IchError(
                f"backbones {names} are no choice among {', '.join(BACKBONES)}, each once",
                remedy="see resources.networks.config.backbones in run.example.yaml",
            )
        return [backbone for name, backbone in BACKBONES.items() if name in self.backbones]

    def checkpoints(self, backbone: Backbone) -> list[CheckpointFile]:
        """Find and digest the folds of a backbone; see ``checkpoint.find_checkpoints``."""
        return find_checkpoints(self.folder, backbone, self.max_folds)

    def checkpoint(self, backbone: Backbone, fold: int) -> CheckpointFile:
        """Find and digest one fold of a backbone."""
        return find_checkpoint(self.folder, backbone, fold)

    def load(self, files: Sequence[CheckpointFile]) -> "list[LoadedFold]":
        """Return networks with weights on the device; see ``loading.load_fold``."""
        from ich_resources.backbones.device import resolve_device
        from ich_resources.backbones.loading import load_fold

        device = resolve_device(self.device)
        return [load_fold(file, device) for file in files]

    def device_name(self) -> str:
        """Return the device the networks run on, as results record it."""
        from ich_resources.backbones.device import describe_device, resolve_device

        return describe_device(resolve_device(self.device))

    def predict(self, folds: "Sequence[LoadedFold]", images: SeriesImages) -> FoldProbabilities:
        """Score every slice with every fold; see ``predict.predict_folds``."""
        from ich_resources.inference.predict import predict_folds

        return predict_folds(
            folds, images.crops, context=self.slice_context, batch_size=self.batch_size
        )
