"""Networks compiled for the CPU with OpenVINO: the same weights, the same numbers, less time.

They are compiled for one slice of one size, which runs faster than any number of any size. Only
the feature half is compiled. The head, a thousandth of the work, stays with PyTorch, where Grad-CAM
differentiates it.
"""

import os
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ich_resources.backbones.heads import Network
from ich_resources.backbones.mapped_weights import forget_pages
from ich_resources.backbones.table import Precision

_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16"}

MOST_STREAMS = 8
"""Slices that a network takes at once. More would need more memory on a machine of many cores."""


def installed() -> bool:
    """Return whether OpenVINO is installed (the extra ``cpu``)."""
    return find_spec("openvino") is not None


def computes(precision: Precision) -> bool:
    """Return whether this processor has the arithmetic of a precision."""
    import openvino

    found = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return precision == "float32" or (precision == "bfloat16" and "BF16" in found)


class CompiledNetwork(Network):
    """A backbone whose feature half runs in OpenVINO, without gradients.

    Parameters
    ----------
    head : Network
        The half that stays with PyTorch.
    model : openvino.Model
        The feature half.
    precision : {"float32", "bfloat16"}
        Arithmetic of the feature half.
    weights : Path, optional
        File of its weights, where OpenVINO has mapped one.
    """

    memory_format = torch.contiguous_format

    def __init__(
        self, head: Network, model: Any, precision: Precision, weights: Path | None = None
    ) -> None:
        super().__init__()
        self._weights = weights
        self._head = head
        self._model = model
        self._precision = precision
        self._queues: dict[int, Any] = {}
        self._lock = threading.Lock()

    def prepare(self, size: int) -> Any:
        """Compile for inputs of S x S pixels, where that has not been done.

        Returns
        -------
        openvino.AsyncInferQueue
            Its requests take one slice each.
        """
        import openvino

        with self._lock:
            if size not in self._queues:
                model = self._model.clone()
                model.reshape([1, 3, size, size])
                # Slices side by side, each on a core or two, beat one slice on all of them.
                options = {
                    "INFERENCE_PRECISION_HINT": _HINTS[self._precision],
                    "PERFORMANCE_HINT": "THROUGHPUT",
                    "NUM_STREAMS": min(len(os.sched_getaffinity(0)), MOST_STREAMS),
                }
                compiled = openvino.Core().compile_model(model, "CPU", options)
                self._queues[size] = openvino.AsyncInferQueue(compiled)
                if self._weights is not None:
                    forget_pages(self._weights)
            return self._queues[size]

    def release(self) -> None:
        """Give the memory of the passes back. The next pass takes it again, in milliseconds."""
        with self._lock:
            for queue in self._queues.values():
                queue[0].get_compiled_model().release_memory()

    def forward_features(self, x: Tensor) -> Tensor:
        """See ``Network``."""
        batch = np.ascontiguousarray(x.numpy())
        queue = self.prepare(x.shape[-1])
        features: list[npt.NDArray[np.float32]] = [np.empty(0, np.float32)] * len(batch)

        def keep(request: Any, row: int) -> None:
            features[row] = request.get_output_tensor(0).data.copy()

        queue.set_callback(keep)
        for row in range(len(batch)):
            queue.start_async({0: batch[row : row + 1]}, row)
        queue.wait_all()
        return torch.from_numpy(np.concatenate(features))

    def forward_head(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        return self._head.forward_head(features)

    def pool(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        return self._head.pool(features)
