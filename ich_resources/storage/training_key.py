"""The secret key of a training root: hashes of patients and studies are made with it."""

import secrets
from contextlib import suppress

from ich_resources.errors import StorageError
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.whole_files import part_name, remedy_for, write_new

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
    content = (secrets.token_hex(_BYTES) + "\n").encode("ascii")
    with suppress(FileExistsError):
        write_new(layout.key, [content], part_name(), mode=0o600)
