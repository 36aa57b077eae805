"""The networks at work: loaded on their devices, and run over the slices of a series."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.device import describe_devices
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.loading import load_all_compiled, load_folds
from ich_resources.backbones.table import Precision
from ich_resources.backbones.views import View
from ich_resources.findings import FoldProbabilities, ViewedFolds
from ich_resources.inference.batch_size import BatchLimit, BatchSizeCache, batch_limit
from ich_resources.inference.engine import Engine, choose_engine, computed_by
from ich_resources.inference.fitting import largest_batch, machine_key
from ich_resources.inference.predict import predict_folds, predict_with_views
from ich_resources.preprocessing import SliceContext
from ich_resources.series_images import SeriesImages


@dataclass(frozen=True)
class BatchOptions:
    """How many slices go through a network at once.

    Attributes
    ----------
    size : int
        Slices per pass, where the number is not searched.
    automatic : bool
        On CUDA: search the largest number that fits.
    largest : int
        Upper limit of the search.
    cache : callable
        Returns the JSON file that keeps what was found; None for no file.
    """

    size: int
    automatic: bool
    largest: int
    cache: Callable[[], Path | None]


@dataclass(frozen=True)
class Runner:
    """Loads and runs networks as configured.

    Attributes
    ----------
    devices : sequence of torch.device
        The devices that share the batches. Networks are loaded on the first.
    backend : {"auto", "pytorch", "openvino"}
        The configured back end.
    precision : {"float32", "tf32", "bfloat16", "float16"}
        Arithmetic of the predictions.
    compiled : callable
        Returns the folder that keeps networks converted for OpenVINO.
    context_of : callable
        Returns the content of the input channels that some checkpoints get.
    batch : BatchOptions
        The number of slices per pass.
    ensemble : callable
        Returns the chosen folds of each backbone. The search for a batch size loads all of them.
    """

    devices: Sequence[torch.device]
    backend: Literal["auto", "pytorch", "openvino"]
    precision: Precision
    compiled: Callable[[], Path]
    context_of: Callable[[Sequence[CheckpointFile]], SliceContext]
    batch: BatchOptions
    ensemble: Callable[[], list[list[CheckpointFile]]]

    @property
    def engine(self) -> Engine:
        """The back end that runs the networks.

        Raises
        ------
        InferenceError
            If this machine cannot run the configured back end or precision.
        """
        return choose_engine(self.devices[0].type, self.backend, self.precision)

    @property
    def computed_by(self) -> str:
        """Library, version, processor and instruction set of the predictions."""
        return computed_by(self.engine, self.devices[0])

    def device_name(self) -> str:
        """Return the names of the devices of the networks, as results record them."""
        return describe_devices(self.devices)

    def load(
        self,
        files: Sequence[CheckpointFile],
        *,
        precision: Precision | None = None,
        gradients: bool = False,
    ) -> list[LoadedFold]:
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
        precision = precision or self.precision
        if self.engine == "openvino" and not gradients:
            return load_all_compiled(files, self.compiled(), precision)
        return load_folds(files, self.devices[0], precision)

    def predict(
        self, folds: Sequence[LoadedFold], images: SeriesImages, *, keep_features: bool = False
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
        return predict_folds(
            folds,
            images.crops,
            context=self.context_of([fold.file for fold in folds]),
            batch_size=self._limit(),
            copies=self._copies(folds),
            keep_features=keep_features,
        )

    def predict_with_views(
        self, folds: Sequence[LoadedFold], images: SeriesImages, views: Sequence[View]
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
        return predict_with_views(
            folds,
            images.crops,
            views,
            context=self.context_of([fold.file for fold in folds]),
            batch_size=self._limit(),
            copies=self._copies(folds),
        )

    def _copies(self, folds: Sequence[LoadedFold]) -> list[list[LoadedFold]]:
        files = [fold.file for fold in folds]
        return [load_folds(files, other, folds[0].precision) for other in self.devices[1:]]

    def _limit(self) -> BatchLimit:
        """Return the number of slices per pass. A process finds it once per configuration."""
        device, batch = self.devices[0], self.batch
        if device.type == "cpu" or not batch.automatic:
            key = str((*map(str, self.devices), batch.size))
            return batch_limit(key, lambda: batch.size)
        files = self.ensemble()
        key = machine_key(device, files, self.precision, batch.largest)
        return batch_limit(
            key,
            lambda: largest_batch([self.load(f) for f in files], batch.largest),
            BatchSizeCache(batch.cache()),
            batch.largest,
        )
