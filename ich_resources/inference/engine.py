"""The back end that runs the networks: PyTorch or, on a CPU, OpenVINO."""

from importlib import metadata
from typing import Literal

import torch

from ich_resources.backbones.compiled import computes, installed
from ich_resources.backbones.table import Precision
from ich_resources.errors import InferenceError
from ich_resources.machine import processor

Engine = Literal["pytorch", "openvino"]


def choose_engine(
    device: str, backend: Literal["auto", "pytorch", "openvino"], precision: Precision
) -> Engine:
    """Return the back end that runs the networks.

    Parameters
    ----------
    device : str
        Type of the device: cpu or cuda.
    backend : {"auto", "pytorch", "openvino"}
        ``auto``: OpenVINO on the CPU where it is installed, else PyTorch.
    precision : {"float32", "tf32", "bfloat16", "float16"}
        Arithmetic of the predictions.

    Raises
    ------
    InferenceError
        If this machine cannot run the back end or the precision.
    """
    cpu = device == "cpu"
    if backend == "openvino" and not (cpu and installed()):
        raise InferenceError(
            "backend is openvino, but "
            + ("openvino is not installed" if cpu else "OpenVINO runs only on the CPU here"),
            remedy="pip install '.[cpu]'" if cpu else "set backend to auto, or device to cpu",
        )
    if precision in ("float16", "tf32") and cpu:
        raise InferenceError(
            f"precision {precision} needs CUDA", remedy="set precision to float32 or bfloat16"
        )
    if not cpu or backend == "pytorch" or not installed():
        return "pytorch"
    if not computes(precision):
        raise InferenceError(
            f"this processor does not compute in {precision}",
            remedy="set precision to float32",
        )
    return "openvino"


def computed_by(engine: Engine, device: torch.device) -> str:
    """Return library, version and processor: what rounding can depend on.

    Parameters
    ----------
    engine : {"pytorch", "openvino"}
        The back end.
    device : torch.device
        The first device.
    """
    if engine == "openvino":
        return f"OpenVINO {metadata.version('openvino')}, {processor()}"
    library = f"PyTorch {torch.__version__}"
    if device.type == "cuda":
        return f"{library}, CUDA {torch.version.cuda}, {torch.cuda.get_device_name(device)}"
    return f"{library}, {processor()}"
