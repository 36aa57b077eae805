"""The networks as a Dagster resource: their checkpoints, device, back end and batch size."""

import threading
from collections.abc import Sequence
from contextlib import suppress
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
from ich_resources.backbones.table import (
    BACKBONES,
    FOLDS,
    Backbone,
    Precision,
    choose_backbones,
)
from ich_resources.backbones.views import View
from ich_resources.environment import (
    MAX_FOLDS,
    MODEL_DIR,
    backend,
    cache_path,
    folder,
    whole_number,
)
from ich_resources.findings import FoldProbabilities, ViewedFolds
from ich_resources.inference.calibrating import calibration_for
from ich_resources.inference.contexts import slice_context
from ich_resources.judged import Calibration
from ich_resources.preprocessing import SliceContext
from ich_resources.series import SeriesImages

if TYPE_CHECKING:
    import torch

    from ich_resources.backbones.loading import LoadedFold
    from ich_resources.inference.batch_size import BatchLimit


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

    def load(
        self,
        files: Sequence[CheckpointFile],
        *,
        precision: Precision | None = None,
        gradients: bool = False,
    ) -> "list[LoadedFold]":
        """Return networks with weights, read in several threads; see the module ``loading``.

        Parameters
        ----------
        files : sequence of CheckpointFile
            The checkpoints to load.
        precision : {"float32", "tf32", "bfloat16", "float16"}, optional
            Arithmetic of these networks, instead of the configured one.
        gradients : bool
            Whether the caller needs gradients with respect to the input. Only PyTorch has them.
        """
        from ich_resources.backbones.loading import load_all_compiled, load_folds

        precision = precision or self.precision
        if self.engine == "openvino" and not gradients:
            cache = cache_path(self.compiled_dir, "compiled")
            return load_all_compiled(files, cache, precision)
        return load_folds(files, self._devices[0], precision)

    def begin_to_load(self) -> None:
        """Load every chosen network in a thread, while other work goes on.

        Call it only where the input is known to hold work. The thread ends with the process: it
        loads no other network then. It raises no error. ``load`` meets the same error again and
        raises it.
        """
        threading.Thread(target=self._load_all, name="loading networks").start()

    def _load_all(self) -> None:
        # Also RuntimeError: the pool that reads takes no more while the process ends.
        with suppress(Exception):
            for backbone in self.chosen:
                for file in self.checkpoints(backbone):
                    if not threading.main_thread().is_alive():
                        return  # the program has ended and does not need them
                    self.load([file])

    @property
    def engine(self) -> Literal["pytorch", "openvino"]:
        """The back end that runs the networks.

        Raises
        ------
        InferenceError
            If this machine cannot run the configured back end or precision.
        """
        from ich_resources.inference.engine import choose_engine

        asked = backend(self.backend)
        return choose_engine(self._devices[0].type, asked, self.precision)

    @property
    def computed_by(self) -> str:
        """Library, version, processor and instruction set of the predictions."""
        from ich_resources.inference.engine import computed_by

        return computed_by(self.engine, self._devices[0])

    @property
    def _devices(self) -> "list[torch.device]":
        from ich_resources.backbones.device import resolve_devices

        return resolve_devices(self.device)

    def device_name(self) -> str:
        """Return the names of the devices of the networks, as results record them."""
        from ich_resources.backbones.device import describe_devices

        return describe_devices(self._devices)

    def predict(
        self, folds: "Sequence[LoadedFold]", images: SeriesImages, *, keep_features: bool = False
    ) -> FoldProbabilities:
        """Score every slice with every fold; see ``predict.predict_folds``.

        Parameters
        ----------
        folds : sequence of LoadedFold
            Folds of one backbone, on the first device. They are loaded on further devices here.
        images : SeriesImages
            ``crops`` are scored.
        keep_features : bool
            Keep the feature maps of the first fold for the saliency of the series.

        Returns
        -------
        FoldProbabilities
            float32, shape (F, N, 6).
        """
        from ich_resources.backbones.loading import load_folds
        from ich_resources.inference.predict import predict_folds

        files = [fold.file for fold in folds]
        others = self._devices[1:]
        return predict_folds(
            folds,
            images.crops,
            context=self.context_of(files),
            batch_size=self._limit(),
            copies=[load_folds(files, device, folds[0].precision) for device in others],
            keep_features=keep_features,
        )

    def predict_with_views(
        self, folds: "Sequence[LoadedFold]", images: SeriesImages, views: Sequence[View]
    ) -> tuple[FoldProbabilities, ViewedFolds]:
        """Score every slice as several views show it; see ``predict.predict_with_views``.

        Parameters
        ----------
        folds : sequence of LoadedFold
            Folds of one backbone, on the first device. They are loaded on further devices here.
        images : SeriesImages
            ``crops`` are scored.
        views : sequence of View
            The first one is that of ``predict``.

        Returns
        -------
        probabilities : FoldProbabilities
            Of the first view: float32, shape (F, N, 6).
        viewed : ViewedFolds
            Probabilities and pooled features, mean over the views.
        """
        from ich_resources.backbones.loading import load_folds
        from ich_resources.inference.predict import predict_with_views

        files = [fold.file for fold in folds]
        return predict_with_views(
            folds,
            images.crops,
            views,
            context=self.context_of(files),
            batch_size=self._limit(),
            copies=[load_folds(files, other, folds[0].precision) for other in self._devices[1:]],
        )

    def _limit(self) -> "BatchLimit":
        """Return the number of slices per pass. A process finds it once per configuration."""
        from ich_resources.inference.batch_size import BatchSizeCache, batch_limit
        from ich_resources.inference.fitting import largest_batch, machine_key

        device = self._devices[0]
        if device.type == "cpu" or not self.auto_batch_size:
            return batch_limit(str((self.device, self.batch_size)), lambda: self.batch_size)
        off = self.batch_size_cache.strip() == "off"
        path = None if off else cache_path(self.batch_size_cache, "batch_sizes.json")
        files = [self.checkpoints(backbone) for backbone in self.chosen]
        key = machine_key(device, files, self.precision, self.auto_batch_size_max)
        return batch_limit(
            key,
            lambda: largest_batch([self.load(f) for f in files], self.auto_batch_size_max),
            BatchSizeCache(path),
            self.auto_batch_size_max,
        )
