"""The state of an unfinished training, ``last.pth``, so that another process goes on with it."""

import io
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from ich_resources.errors import FormatError, StorageError
from ich_resources.training.results import EpochResult
from ich_resources.whole_files import remedy_for, write_whole

STATE_NAME = "last.pth"
FORMAT = 1
_DIGITS = 12


@dataclass(frozen=True)
class TrainingState:
    """A training after some epochs: tensors and plain values alone.

    Attributes
    ----------
    fingerprint : str
        Of recipe, slices and initial weights.
    history : tuple of EpochResult
        The finished epochs.
    weights : dict of str to Tensor
        State dict of the network.
    optimiser : dict
        State dict of the optimiser.
    best : int or None
        The best validated epoch so far.
    best_weights : dict of str to Tensor or None
        Its weights.
    """

    fingerprint: str
    history: tuple[EpochResult, ...]
    weights: dict[str, Tensor]
    optimiser: dict[str, Any]
    best: int | None
    best_weights: dict[str, Tensor] | None

    def to_plain(self) -> dict[str, Any]:
        """Return what the file holds."""
        return {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "history": [asdict(result) for result in self.history],
            "weights": self.weights,
            "optimiser": self.optimiser,
            "best": self.best,
            "best_weights": self.best_weights,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Return the state that ``to_plain`` gave."""
        return cls(
            plain["fingerprint"],
            tuple(EpochResult(**result) for result in plain["history"]),
            plain["weights"],
            plain["optimiser"],
            plain["best"],
            plain["best_weights"],
        )


def write_state(folder: Path, state: TrainingState) -> None:
    """Write the state aside and rename it, so that a kill leaves the earlier one.

    Raises
    ------
    StorageError
        If the disk is full or the folder cannot be written. The earlier state stays.
    """
    content = io.BytesIO()
    torch.save(state.to_plain(), content)
    write_file(folder / STATE_NAME, content.getvalue())


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a training whole.

    Raises
    ------
    StorageError
        If it cannot be written. Its earlier content stays.
    """
    try:
        write_whole(path, content, f".part-{path.name}-{os.getpid()}", durable=True)
    except OSError as err:
        raise StorageError(
            f"the state of the training cannot be written: {err.strerror}",
            path=path,
            remedy=remedy_for(err, "TRAIN_ROOT"),
        ) from err


def read_state(folder: Path, fingerprint: str) -> tuple[TrainingState | None, str]:
    """Read the state of an unfinished training.

    A state of another recipe is kept as ``last.<fingerprint>.pth`` until the new training is done.

    Parameters
    ----------
    folder : Path
        Folder of the training's state.
    fingerprint : str
        Of the training that is wanted now.

    Returns
    -------
    state : TrainingState or None
        None where there is none for this fingerprint.
    message : str
        What a person should know of it; empty where there is nothing to say.

    Raises
    ------
    StorageError
        If the state of another recipe cannot be put aside.
    FormatError
        If a newer version of ich wrote the state.
    """
    path = folder / STATE_NAME
    parked = _parked(folder, fingerprint)
    if not path.is_file() and not parked.is_file():
        return None, ""
    state = _read(path)
    if state is not None and state.fingerprint == fingerprint:
        return state, f"the training goes on; finished epochs: {len(state.history)}"
    if path.is_file():
        earlier = "damaged" if state is None else state.fingerprint
        _move(path, _parked(folder, earlier))
    # A recipe that was changed and changed back finds what it had.
    kept = _read(parked)
    if kept is not None and kept.fingerprint == fingerprint:
        _move(parked, path)
        return kept, f"the training goes on; finished epochs: {len(kept.history)}"
    if state is None:
        return None, f"{STATE_NAME} cannot be read: the training begins anew"
    return None, (
        "the recipe, the slices or the first weights have changed: the training begins anew, "
        f"and {_parked(folder, state.fingerprint).name} keeps the earlier state until it is done"
    )


def forget_state(folder: Path) -> None:
    """Remove ``last.pth`` and what earlier recipes left; call it when the checkpoint is recorded.

    Raises
    ------
    StorageError
        If a file cannot be removed.
    """
    for path in [*folder.glob("last.*.pth"), folder / STATE_NAME]:
        try:
            path.unlink(missing_ok=True)
        except OSError as err:
            raise StorageError(f"cannot remove: {err.strerror}", path=path) from err


def _parked(folder: Path, fingerprint: str) -> Path:
    return folder / f"last.{fingerprint[:_DIGITS]}.pth"


def _move(path: Path, target: Path) -> None:
    try:
        path.replace(target)
    except OSError as err:
        remedy = remedy_for(err, "TRAIN_ROOT")
        raise StorageError(f"cannot rename: {err.strerror}", path=path, remedy=remedy) from err


def _read(path: Path) -> TrainingState | None:
    """Return a state, None where the file is missing or damaged.

    Raises
    ------
    FormatError
        If a newer version of ich wrote it.
    """
    try:
        plain = torch.load(path, map_location="cpu", weights_only=True)
        number = int(plain["format"])
        state = TrainingState.from_plain(plain) if number == FORMAT else None
    except Exception:  # noqa: BLE001 (torch lets many kinds through for a damaged file)
        return None
    if number > FORMAT:
        raise FormatError(
            f"a newer version of ich wrote the state of this training (format {number})",
            path=path,
            remedy="go on with the newer version, or remove the file to train anew",
        )
    return state
