"""The secret key of a training root: hashes of patients and studies are made with it."""

import os
import secrets
from contextlib import suppress

from ich_resources.errors import StorageError
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.whole_files import remedy_for

_BYTES = 32
_REMEDY = "put the earlier key back; with another key, take another TRAIN_ROOT"


def training_key(layout: TrainingLayout) -> bytes:
    """Return the key of a training root; it is made when it is first asked for.

    Only the owner can read it. It must stand in no record, table, log or checkpoint.

    Parameters
    ----------
    layout : TrainingLayout
        Paths below the training root.

    Raises
    ------
    StorageError
        If it cannot be made, or the file is not a key.
    """
    path = layout.key
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(layout)
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as err:
        remedy = remedy_for(err, "TRAIN_ROOT") or _REMEDY
        raise StorageError(
            f"the key cannot be read: {err.strerror}", path=path, remedy=remedy
        ) from err
    except ValueError as err:
        raise StorageError("the file is not a key", path=path, remedy=_REMEDY) from err
    if len(key) != _BYTES:
        raise StorageError("the file is not a key", path=path, remedy=_REMEDY)
    return key


def _make(layout: TrainingLayout) -> None:
    """Make the key where there is none; of two processes that do so, one wins."""
    if layout.key.exists():
        return
    aside = layout.key.with_name(f".part-key-{os.getpid()}-{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            layout.key.hardlink_to(aside)
    finally:
        aside.unlink()
