"""Door of the networks: which, from where, on which device."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from ich_resources.backbones.checkpoint import CheckpointFile, find_checkpoint, find_checkpoints
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone, Precision
from ich_resources.environment import MAX_FOLDS, MODEL_DIR, folder, whole_number
from ich_resources.errors import IchError, InferenceError
from ich_resources.findings import FoldProbabilities
from ich_resources.series import SeriesImages

if TYPE_CHECKING:
    from ich_resources.backbones.loading import LoadedFold


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
    backend: Literal["auto", "pytorch", "openvino"] = Field(
        default="auto",
        description="auto: OpenVINO on the CPU where it is installed (extra cpu), else PyTorch.",
    )
    precision: Precision = Field(
        default="float32",
        description="Arithmetic of the predictions: float32, bfloat16, or float16 on CUDA. "
        "Saliency is always float32.",
    )
    compiled_dir: str = Field(
        default="",
        description="Folder that keeps networks converted for OpenVINO. "
        "Empty: ich/compiled below the environment's XDG_CACHE_HOME, else below ~/.cache.",
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

    def load(
        self,
        files: Sequence[CheckpointFile],
        *,
        precision: Precision | None = None,
        gradients: bool = False,
    ) -> "list[LoadedFold]":
        """Return networks with weights; see ``loading.load_fold`` and ``loading.load_compiled``.

        Parameters
        ----------
        precision : {"float32", "bfloat16", "float16"}, optional
            Another arithmetic than the configured one.
        gradients : bool
            Whether gradients with respect to the input are needed, which only PyTorch has.
        """
        from ich_resources.backbones.device import resolve_device
        from ich_resources.backbones.loading import load_compiled, load_fold

        device = resolve_device(self.device)
        precision = precision or self.precision
        if self.engine == "openvino" and not gradients:
            return [load_compiled(file, self._cache, precision) for file in files]
        return [load_fold(file, device, precision) for file in files]

    @property
    def engine(self) -> Literal["pytorch", "openvino"]:
        """What runs the networks.

        Raises
        ------
        InferenceError
            If what is asked for cannot be had here.
        """
        from ich_resources.backbones.compiled import computes, installed
        from ich_resources.backbones.device import resolve_device

        cpu = resolve_device(self.device).type == "cpu"
        if self.backend == "openvino" and not (cpu and installed()):
            raise InferenceError(
                "backend openvino was asked for, and "
                + ("openvino is not installed" if cpu else "it runs on the CPU alone"),
                remedy="pip install '.[cpu]'" if cpu else "set backend to auto, or device to cpu",
            )
        if self.precision == "float16" and cpu:
            raise InferenceError(
                "precision float16 is for CUDA", remedy="set precision to float32 or bfloat16"
            )
        if not cpu or self.backend == "pytorch" or not installed():
            return "pytorch"
        if not computes(self.precision):
            raise InferenceError(
                f"this processor does not compute in {self.precision}",
                remedy="set precision to float32",
            )
        return "openvino"

    @property
    def _cache(self) -> Path:
        root = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
        return Path(self.compiled_dir.strip() or f"{root}/ich/compiled").expanduser().absolute()

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
