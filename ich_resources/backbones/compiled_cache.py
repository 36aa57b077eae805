"""Compiled networks on disk: converting one takes seconds, so each checkpoint is converted once."""

import errno
import json
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ich_resources.backbones.heads import Network, load_head
from ich_resources.backbones.table import Backbone
from ich_resources.digests import bytes_sha256, file_sha256

_ABOUT = "about.json"
_MODEL, _WEIGHTS, _HEAD = "features.xml", "features.bin", "head.pt"


class Converted(NamedTuple):
    """A network in two halves.

    Attributes
    ----------
    head : Network
        The half that stays with PyTorch.
    model : openvino.Model
        The feature half.
    untrained : bool
        Whether the checkpoint is marked as a stand-in.
    weights : Path or None
        The file of the feature half's weights, where it was read from the cache.
    """

    head: Network
    model: Any
    untrained: bool
    weights: Path | None = None


def folder_for(cache: Path, digest: str) -> Path:
    """Return the folder of a converted network: by its digest and by the converting software."""
    import openvino

    maker = f"{openvino.__version__} {torch.__version__}".encode()
    return cache / f"{digest[:32]}-{bytes_sha256(maker)[:8]}"


def write_converted(folder: Path, converted: Converted, backbone: Backbone) -> None:
    """Keep a network; the folder appears whole or not at all.

    One that another process has made meanwhile stays; a damaged one is replaced.

    Parameters
    ----------
    folder : Path
        From ``folder_for``.
    converted : Converted
        Its ``weights`` do not count: they are written with the model.
    backbone : Backbone
        Its layout. An existing folder that does not fit it is damaged.

    Raises
    ------
    OSError, RuntimeError
        If it cannot be written.
    """
    import openvino

    temporary = folder.with_name(f".part-{uuid.uuid4().hex}")
    damaged = folder.with_name(f".part-{uuid.uuid4().hex}")
    try:
        temporary.mkdir(parents=True)
        openvino.save_model(converted.model, temporary / _MODEL, compress_to_fp16=False)
        torch.save(converted.head.state_dict(), temporary / _HEAD)
        sums = {name: file_sha256(temporary / name) for name in (_MODEL, _WEIGHTS, _HEAD)}
        about = {"sums": sums, "untrained": converted.untrained}
        (temporary / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        if not _renamed(temporary, folder) and read_converted(folder, backbone) is None:
            # Renamed first: no other process may find a part of it while it is removed.
            with suppress(FileNotFoundError):
                folder.rename(damaged)
            _renamed(temporary, folder)
    finally:
        for left in (temporary, damaged):
            shutil.rmtree(left, ignore_errors=True)


def _renamed(temporary: Path, folder: Path) -> bool:
    """Give a folder its name; return whether the name was free.

    Raises
    ------
    OSError
        If the folder cannot be renamed.
    """
    try:
        temporary.rename(folder)
    except OSError as err:
        if err.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def read_converted(folder: Path, backbone: Backbone) -> Converted | None:
    """Return a network of the cache; None where it is missing or cannot be read as written."""
    import openvino

    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        sums = about["sums"]
        if any(file_sha256(folder / name) != sums[name] for name in (_MODEL, _WEIGHTS, _HEAD)):
            return None
        weights = torch.load(folder / _HEAD, map_location="cpu", weights_only=True)
        head = load_head(backbone, weights)
        model = openvino.Core().read_model(folder / _MODEL)
        return Converted(head, model, about["untrained"], (folder / _WEIGHTS).resolve())
    except Exception:  # noqa: BLE001  (any fault: it can be made again)
        return None
