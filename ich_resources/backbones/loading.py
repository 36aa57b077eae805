"""Networks with weights: loaded strictly, once per process, however many series run."""

import atexit
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.checkpoint_digests import digest_file
from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.compiled_cache import (
    Converted,
    folder_for,
    read_converted,
    write_converted,
)
from ich_resources.backbones.converting import convert_features
from ich_resources.backbones.half_precision import HALF, cast_weights
from ich_resources.backbones.heads import load_head
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.mapped_weights import forget_freed, leave_to_kernel
from ich_resources.backbones.state_dict import read_checkpoint, require_fit
from ich_resources.backbones.table import BACKBONES, Precision
from ich_resources.errors import CheckpointError
from ich_resources.worth import TrainedOn

_LOADED: "dict[tuple[str, str, str, str], Future[LoadedFold]]" = {}
_LOADING = threading.Lock()
_CONVERTING = threading.BoundedSemaphore(2)
"""Each conversion holds the weights several times."""
_INTERRUPTED = threading.Event()
_READERS = ThreadPoolExecutor(4, thread_name_prefix="reading networks")
_COMPILER = ThreadPoolExecutor(1, thread_name_prefix="compiling networks")


def load_folds(
    files: Sequence[CheckpointFile], device: torch.device, precision: Precision = "float32"
) -> list[LoadedFold]:
    """Return folds with their weights; a file is deserialised once per process and device.

    The cache is the module's: Dagster makes a new resource for every run (and one more after it).

    Parameters
    ----------
    files : sequence of CheckpointFile
        Digested files. A file that has changed since then is refused.
    device : torch.device
        Where the weights go.
    precision : {"float32", "tf32", "bfloat16", "float16"}
        With the last two, the weights of convolutions and linear layers are rounded.

    Raises
    ------
    CheckpointError
        If a file does not hold exactly this network's weights, holds code, or is another than the
        one that was digested.
    """
    dtype = HALF.get(precision)

    def make(file: CheckpointFile) -> LoadedFold:
        fold = _load(file, device)
        if dtype is not None:
            cast_weights(fold.network, dtype)
        return fold

    how = str(device) if dtype is None else f"{device} {precision}"
    return [replace(fold, precision=precision) for fold in _all(files, how, make)]


def release(folds: Sequence[LoadedFold]) -> None:
    """Give back the memory that passes have used, and what else was freed meanwhile.

    Parameters
    ----------
    folds : sequence of LoadedFold
        No pass of them may be under way.
    """
    for fold in folds:
        if isinstance(fold.network, CompiledNetwork):
            fold.network.release()
    forget_freed()


def try_fold(file: CheckpointFile) -> TrainedOn:
    """Load a fold on the CPU as ``load_folds`` does, and let it go again.

    Returns
    -------
    {"nothing", "phantoms", "patients"}
        What it was trained on.

    Raises
    ------
    CheckpointError
        As ``load_folds``.
    """
    return _load(file, torch.device("cpu")).trained_on


def load_all_compiled(
    files: Sequence[CheckpointFile], cache: Path, precision: Precision
) -> list[LoadedFold]:
    """Return folds compiled for the CPU; converted once per checkpoint, read once per process.

    Parameters
    ----------
    files : sequence of CheckpointFile
        Digested files. A file that has changed since then is refused.
    cache : Path
        Folder that keeps converted networks; made if missing. One that cannot be written costs
        the conversion in every process, and a warning.
    precision : {"float32", "bfloat16"}
        Arithmetic of the feature half. The head stays in float32.

    Raises
    ------
    CheckpointError
        As ``load_folds``.
    """

    def make(file: CheckpointFile) -> LoadedFold:
        backbone = BACKBONES[file.backbone]
        folder = folder_for(cache, file.digest)
        converted = read_converted(folder, backbone) or _convert(file, folder)
        head, model = converted.head, converted.model
        network = CompiledNetwork(head, model, precision, converted.weights)
        # The first pass that needs the network waits for it, and meets the error if this fails.
        _COMPILER.submit(network.prepare, file.input_size)
        return LoadedFold(file, network, converted.untrained, precision)

    return _all(files, f"openvino {precision}", make)


def _all(
    files: Sequence[CheckpointFile], how: str, make: Callable[[CheckpointFile], LoadedFold]
) -> list[LoadedFold]:
    """Load the networks that are not loaded, side by side; one that failed is tried again."""
    begun = []
    _INTERRUPTED.clear()
    with _LOADING:
        for file in files:
            key = (file.backbone, str(file.path), file.digest, how)
            known = _LOADED.get(key)
            if known is None or known.cancelled() or (known.done() and known.exception()):
                _LOADED[key] = _READERS.submit(make, file)
            begun.append(_LOADED[key])
    try:
        return [fold.result() for fold in begun]
    except Exception:
        raise
    except BaseException:  # an interrupt: the process shall not read the others before it ends
        _INTERRUPTED.set()
        for fold in begun:
            fold.cancel()
        raise


@atexit.register
def _leave_networks() -> None:
    known = [fold for fold in _LOADED.values() if fold.done() and not fold.cancelled()]
    leave_to_kernel(fold.result().network for fold in known if fold.exception() is None)


def _convert(file: CheckpointFile, folder: Path) -> Converted:
    with _CONVERTING:
        if _INTERRUPTED.is_set():
            raise CheckpointError(
                "its conversion was interrupted",
                path=file.path,
                remedy="run the same command again",
            )
        converted = _converted(file, folder)
        forget_freed()
        return converted


def _converted(file: CheckpointFile, folder: Path) -> Converted:
    fold = _load(file, torch.device("cpu"))
    backbone, weights = BACKBONES[file.backbone], fold.network.state_dict()
    model = convert_features(backbone, weights)
    head = load_head(backbone, weights)
    converted = Converted(head, model, fold.untrained)
    try:
        write_converted(folder, converted, backbone)
    except (OSError, RuntimeError) as err:  # on a full disk OpenVINO and torch raise the latter
        why = err.strerror if isinstance(err, OSError) else str(err).strip().partition("\n")[0]
        warnings.warn(
            f"converted networks cannot be kept in {folder.parent} ({why}): "
            "set networks.compiled_dir to a folder that can be written",
            stacklevel=2,
        )
        return converted
    return read_converted(folder, backbone) or converted  # mapped, it takes less memory


def _load(file: CheckpointFile, device: torch.device) -> LoadedFold:
    # The libraries that hold the layers take seconds to import; a compiled network needs none.
    from ich_resources.backbones.networks import build_network

    backbone = BACKBONES[file.backbone]
    weights, untrained, trained = read_checkpoint(file.path)
    # Otherwise weights that were replaced meanwhile would be kept under the earlier digest.
    if digest_file(file.path) != file.digest:
        raise CheckpointError(
            "the checkpoint was replaced since it was digested",
            path=file.path,
            remedy="start again when no process writes into the model folder",
        )
    if trained != file.trained:
        raise CheckpointError(
            "the checkpoint says something about its training that cannot be read without torch",
            path=file.path,
            remedy="load it with torch and save it again: torch.save makes an archive (ZIP)",
        )
    # On "meta" nothing is allocated or initialised; the weights are assigned, not copied.
    with torch.device("meta"):
        network = build_network(backbone)
    require_fit(network, weights, backbone, file.path)
    network.load_state_dict(weights, strict=True, assign=True)
    network.float().eval().requires_grad_(False)
    network.to(device).to(memory_format=torch.channels_last)
    return LoadedFold(file, network, untrained)
