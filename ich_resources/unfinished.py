"""The state of an unfinished training, ``last.pth``, so that another process goes on with it.

The caller holds the lock of the fold: one process writes into its folder at a time.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch

from ich_resources.errors import FormatError, StorageError
from ich_resources.whole_files import remedy_for, write_whole

STATE_NAME = "last.pth"
FORMAT = 1
_DIGITS = 12
_T = TypeVar("_T")


def write_state(folder: Path, fingerprint: str, state: Mapping[str, Any]) -> None:
    """Write the state after an epoch aside and rename it, so that a kill leaves the earlier one.

    Parameters
    ----------
    folder : Path
        Folder of the training's state; made if missing.
    fingerprint : str
        Of the training: recipe, data and first weights.
    state : mapping of str to tensors and plain values
        What ``read_state`` hands to ``restore``. ``history`` is the list of finished epochs.

    Raises
    ------
    StorageError
        If the disk is full or the folder cannot be written. The earlier state stays.
    """
    content = io.BytesIO()
    torch.save({**state, "format": FORMAT, "fingerprint": fingerprint}, content)
    write_file(folder / STATE_NAME, content.getvalue())


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a training whole.

    Raises
    ------
    StorageError
        If it cannot be written. Its earlier content stays.
    """
    try:
        write_whole(path, content, f".part-{path.name}", durable=True)
    except OSError as err:
        raise StorageError(
            f"the state of the training cannot be written: {err.strerror}",
            path=path,
            remedy=remedy_for(err, "TRAIN_ROOT"),
        ) from err


def read_state(
    folder: Path, fingerprint: str, restore: Callable[[dict[str, Any]], _T]
) -> tuple[_T | None, str]:
    """Read the state of an unfinished training.

    A state of another recipe is kept as ``last.<fingerprint>.pth`` until the new training is done.
    A recipe that was changed and changed back finds what it had.

    Parameters
    ----------
    folder : Path
        Folder of the training's state.
    fingerprint : str
        Of the training that is wanted now.
    restore : callable
        Makes the state of what ``write_state`` was given. A state that it cannot take is damaged.

    Returns
    -------
    state : object or None
        What ``restore`` made; None where there is no state for this fingerprint.
    message : str
        What a person should know of it; empty where there is nothing to say.

    Raises
    ------
    StorageError
        If the state of another recipe cannot be put aside.
    FormatError
        If a newer version of ich wrote the state.
    """
    path, parked = folder / STATE_NAME, _parked(folder, fingerprint)
    if not path.is_file() and not parked.is_file():
        return None, ""
    found, state = _read(path, restore)
    if state is not None and found == fingerprint:
        return state
    if path.is_file():
        _move(path, _parked(folder, found or "damaged"))
    kept, earlier = _read(parked, restore)
    if earlier is not None and kept == fingerprint:
        _move(parked, path)
        return earlier
    if state is None:
        return None, f"{STATE_NAME} cannot be read: the training begins anew"
    return None, (
        "the recipe, the data or the first weights have changed: the training begins anew, "
        f"and {_parked(folder, found).name} keeps the earlier state until it is done"
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
            raise StorageError(
                f"cannot remove: {err.strerror}", path=path, remedy=remedy_for(err, "TRAIN_ROOT")
            ) from err


def _parked(folder: Path, fingerprint: str) -> Path:
    return folder / f"last.{fingerprint[:_DIGITS]}.pth"


def _move(path: Path, target: Path) -> None:
    try:
        path.replace(target)
    except OSError as err:
        remedy = remedy_for(err, "TRAIN_ROOT")
        raise StorageError(f"cannot rename: {err.strerror}", path=path, remedy=remedy) from err


def _read(path: Path, restore: Callable[[dict[str, Any]], _T]) -> tuple[str, tuple[_T, str] | None]:
    """Return the fingerprint of a file, and its state with a sentence; None where it is damaged.

    Raises
    ------
    FormatError
        If a newer version of ich wrote it.
    """
    try:
        plain = torch.load(path, map_location="cpu", weights_only=True)
        number, fingerprint = int(plain["format"]), str(plain["fingerprint"])
        sentence = f"the training goes on; finished epochs: {len(plain['history'])}"
        state = (restore(plain), sentence) if number == FORMAT else None
    except Exception:  # noqa: BLE001 (torch lets many kinds through for a damaged file)
        return "", None
    if number > FORMAT:
        raise FormatError(
            f"a newer version of ich wrote the state of this training (format {number})",
            path=path,
            remedy="go on with the newer version, or remove the file to train anew",
        )
    return fingerprint, state
