"""The part ``ich`` of a checkpoint file, read without torch and without running code.

A checkpoint is a ZIP archive whose member ``data.pkl`` is a pickle. Here every object that the
pickle names becomes an inert one, so no code of the file or of a library runs, and no weight is
read. Loading reads the part again with torch, and compares the two.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from ich_resources.backbones.recipe_in_file import Trained, from_checkpoint

LARGEST_PICKLE = 256 << 20
"""Most bytes of ``data.pkl``. The keys of a network's weights take 0.2 MB."""


def read_trained(path: Path) -> Trained | None:
    """Return what a checkpoint file says about itself.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Trained or None
        None where it says nothing, or is not an archive of ``torch.save``. Whether the file is
        whole is known once it is loaded.

    Raises
    ------
    FormatError, CheckpointError
        As ``recipe_in_file.from_checkpoint``.
    """
    try:
        checkpoint = _Inertly(io.BytesIO(_pickle(path))).load()
    except Exception:  # noqa: BLE001  (a damaged file: loading says what is wrong with it)
        return None
    return from_checkpoint(checkpoint, path)


def _pickle(path: Path) -> bytes:
    """Return the pickle of an archive.

    Raises
    ------
    LookupError
        If it has none, or one that is too large.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _, _, name = member.filename.partition("/")
            if name == "data.pkl" and member.file_size <= LARGEST_PICKLE:
                return archive.read(member)
    raise LookupError("data.pkl")


class _Inert:
    """Takes the place of a tensor, and of everything else that is not a plain value."""

    def __init__(self, *_args: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass

    def __setitem__(self, _key: object, _value: object) -> None:
        pass

    def append(self, _value: object) -> None:
        pass


class _Inertly(pickle.Unpickler):  # noqa: S301  (it makes inert objects only)
    """Reads a pickle; of all that it names, only ``OrderedDict`` is what it says."""

    def find_class(self, module: str, name: str) -> Any:
        return OrderedDict if (module, name) == ("collections", "OrderedDict") else _Inert

    def persistent_load(self, _pid: object) -> _Inert:
        return _Inert()
