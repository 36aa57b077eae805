"""Three small objects; servers that leave nothing behind."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicom_objects import write_objects


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[Path, str]]:
    """Path and SHA-256 of each object."""
    return write_objects(tmp_path / "objects", 3)


@pytest.fixture
def _no_sockets_of_servers() -> Iterator[None]:
    """Drop what pynetdicom's servers leave open; the sender itself leaves nothing."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
