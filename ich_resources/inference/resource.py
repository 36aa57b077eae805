"""The networks as a Dagster resource: their checkpoints, device, back end and batch size."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from ich_resources.backbones.checkpoint import (
    CheckpointFile,
    find_checkpoint,
    find_checkpoints,
    require_present,
)
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone, Precision, choose_backbones
from ich_resources.environment import (
    MAX_FOLDS,
    MODEL_DIR,
    backend,
    cache_path,
    folder,
    whole_number,
)
from ich_resources.inference.ahead import load_ahead, wait_for_the_first
from ich_resources.inference.calibrating import calibration_for
from ich_resources.inference.contexts import slice_context
from ich_resources.judged import Calibration
from ich_resources.preprocessing import SliceContext

if TYPE_CHECKING:
    from ich_resources.inference.runner import Runner


class NetworksResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The networks of the ensemble with their weights, on a GPU or the CPU.

    A process reads each checkpoint once, also if it scores many series.
    """

    model_dir: str = Field(
        default="", description="Folder that holds 2DNet. Empty: the environment's MODEL_DIR."
    )
    device: str = Field(
        default="auto",
        description="auto, cpu, cuda (every GPU that is visible) or cuda:N (one). "
        "A device asked for and absent is an error.",
    )
    backend: Literal["auto", "pytorch", "openvino"] = Field(
        default="auto",
        description="auto: the environment's NETWORKS_BACKEND, else OpenVINO on the CPU where it "
        "is installed (extra cpu), else PyTorch.",
    )
    precision: Precision = Field(
        default="float32",
        description="Arithmetic of the predictions: float32, bfloat16, or on CUDA float16 or tf32. "
        "Saliency is always float32.",
    )
    compiled_dir: str = Field(
        default="",
        description="Folder that keeps networks converted for OpenVINO. "
        "Empty: ich/compiled below the environment's XDG_CACHE_HOME, else below ~/.cache.",
    )
    batch_size: int = Field(
        default=16, ge=1, description="Slices per network pass; fewer if GPU memory runs out."
    )
    auto_batch_size: bool = Field(
        default=False,
        description="On CUDA: find the largest batch size that fits, instead of batch_size.",
    )
    auto_batch_size_max: int = Field(
        default=128, ge=1, description="The largest batch size that auto_batch_size tries."
    )
    batch_size_cache: str = Field(
        default="",
        description="JSON file that keeps what auto_batch_size has found, or off. "
        "Empty: ich/batch_sizes.json below the environment's XDG_CACHE_HOME, else below ~/.cache.",
    )
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
    slice_context: Literal["auto", "replicated", "adjacent"] = Field(
        default="auto",
        description="replicated: three channels of one slice (as the reference). adjacent: the "
        "slice and its neighbours. auto: what the checkpoints say, else replicated.",
    )
    sequence: Literal["off", "on"] = Field(
        default="off",
        description="on: the sequence models of model_dir (SequenceModel) give the probabilities "
        "of the tables and bars, from all folds of the 2D networks that they were trained on.",
    )
    calibration: str = Field(
        default="",
        description="File calibration.json of ich_evaluate, made for these checkpoints. "
        "Empty: probabilities are not calibrated.",
    )

    @property
    def folder(self) -> Path:
        """The model folder."""
        return folder(self.model_dir, MODEL_DIR, "resources.networks.config.model_dir")

    @property
    def max_folds(self) -> int | None:
        """The largest number of folds per backbone; None for all."""
        return whole_number(self.max_folds_per_backbone, MAX_FOLDS, FOLDS)

    @property
    def chosen(self) -> list[Backbone]:
        """The chosen backbones, in the ensemble's order.

        Raises
        ------
        IchError
            If a name is unknown or given twice, or none is given.
        """
        return choose_backbones(self.backbones)

    def checkpoints(self, backbone: Backbone) -> list[CheckpointFile]:
        """Find and digest the folds of a backbone; see ``checkpoint.find_checkpoints``."""
        return find_checkpoints(self.folder, backbone, self.max_folds)

    def require_present(self) -> None:
        """Check that every chosen fold is there, without a look into it.

        Raises
        ------
        IchError
            If the model folder is not set, or ``backbones`` is wrong.
        CheckpointError
            If a checkpoint is missing.
        """
        for backbone in self.chosen:
            require_present(self.folder, backbone, range(FOLDS)[: self.max_folds])

    def checkpoint(self, backbone: Backbone, fold: int) -> CheckpointFile:
        """Find and digest one fold of a backbone."""
        return find_checkpoint(self.folder, backbone, fold)

    def context_of(self, files: Sequence[CheckpointFile]) -> SliceContext:
        """Return the content of the input channels that some checkpoints get.

        Parameters
        ----------
        files : sequence of CheckpointFile
            The checkpoints.

        Raises
        ------
        CheckpointError
            As ``contexts.slice_context``.
        """
        return slice_context(files, self.slice_context)

    def used_checkpoints(self) -> dict[str, tuple[str, ...]]:
        """Return the SHA-256 of every chosen fold in order, by backbone.

        Raises
        ------
        CheckpointError
            If one is missing or is not the expected one.
        """
        return {b.name: tuple(f.digest for f in self.checkpoints(b)) for b in self.chosen}

    def used_calibration(self, sequence: tuple[str, ...] = ()) -> Calibration | None:
        """Return the calibration, None where none is set; see ``calibrating.calibration_for``.

        Parameters
        ----------
        sequence : tuple of str
            SHA-256 of the sequence checkpoints, where they give the probabilities.

        Raises
        ------
        IchError
            If its file cannot be read, or does not fit the chosen checkpoints.
        """
        if not self.calibration.strip():
            return None
        path = Path(self.calibration.strip()).expanduser().absolute()
        return calibration_for(path, self.used_checkpoints(), sequence)

    @property
    def runner(self) -> "Runner":
        """The chosen networks at work on the configured devices.

        Raises
        ------
        InferenceError
            If this machine does not have the configured device.
        """
        wait_for_the_first()
        return self._runner()

    def _runner(self) -> "Runner":
        from ich_resources.backbones.device import resolve_devices
        from ich_resources.inference.runner import BatchOptions, Runner

        return Runner(
            devices=resolve_devices(self.device),
            backend=backend(self.backend),
            precision=self.precision,
            compiled=lambda: cache_path(self.compiled_dir, "compiled"),
            context_of=self.context_of,
            batch=BatchOptions(
                self.batch_size, self.auto_batch_size, self.auto_batch_size_max, self._kept_sizes
            ),
            ensemble=lambda: [self.checkpoints(backbone) for backbone in self.chosen],
        )

    def begin_to_load(self) -> None:
        """Load every chosen network in a thread, while other work goes on; see ``load_ahead``.

        Call it only where the input is known to hold work. It raises no error: a later load of the
        same file raises it.
        """
        load_ahead(
            lambda: (file for each in self.chosen for file in self.checkpoints(each)),
            lambda file: self._runner().load([file]),
        )

    def _kept_sizes(self) -> Path | None:
        off = self.batch_size_cache.strip() == "off"
        return None if off else cache_path(self.batch_size_cache, "batch_sizes.json")
