"""The state of an unfinished training, ``last.pth``, so that another process goes on with it."""

import io
import os
import pickle
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ich_resources.errors import StorageError
from ich_resources.sequence.results import SequenceEpoch
from ich_resources.whole_files import remedy_for, write_whole

LAST = "last.pth"
LOG = "log.csv"


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the state after an epoch: whole, and it survives a power cut.

    Parameters
    ----------
    folder : Path
        Of the fold; made if missing.
    state : mapping
        Tensors and plain values; its ``fingerprint`` says what it belongs to.

    Raises
    ------
    StorageError
        If it cannot be written. The state of the epoch before stays.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    _write(folder / LAST, buffer.getvalue())


def read_state(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the state of a training, None where there is none that can be gone on with.

    The state of another training is kept as ``last.<fingerprint>.pth``. A damaged one is not.

    Parameters
    ----------
    folder : Path
        Of the fold.
    fingerprint : str
        Of the training that goes on.
    """
    path = folder / LAST
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state["fingerprint"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.PickleError):
        return None
    if found == fingerprint:
        return dict(state)
    path.rename(folder / f"last.{str(found)[:16]}.pth")
    return None


def forget_state(folder: Path) -> None:
    """Remove the states of this and of earlier trainings; the result has been recorded."""
    for path in folder.glob("last*.pth"):
        path.unlink(missing_ok=True)


def write_log(folder: Path, history: tuple[SequenceEpoch, ...]) -> Path:
    """Write the table of the epochs; return its path.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    path = folder / LOG
    rows = [asdict(epoch) for epoch in history]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    _write(path, ("\n".join(lines) + "\n").encode())
    return path


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content, f".part-{os.getpid()}-{uuid.uuid4().hex}", durable=True)
    except OSError as err:
        raise StorageError(
            f"cannot write: {err.strerror}", path=path, remedy=remedy_for(err, "TRAIN_ROOT")
        ) from err
