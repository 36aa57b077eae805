"""Small phantom series on disk, and ways to break them."""

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from engines import engine_is_missing
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import JPEG2000Lossless, RLELossless

from ich_resources.demo.study import write_series

Edit = Callable[..., None]

DCMTK = {
    "JPEG lossless SV1": ("dcmcjpeg", "+e1"),
    "JPEG lossless process 14": ("dcmcjpeg", "+el"),
    "JPEG-LS": ("dcmcjpls", "+el"),
}
PYDICOM = {"RLE": (RLELossless, "pydicom"), "JPEG 2000": (JPEG2000Lossless, "pylibjpeg")}


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three slices of 64 x 64, by name at z = 10, 5, 0 mm; shared, so not to be changed."""
    folder = tmp_path_factory.mktemp("phantom")
    write_series(folder, name="head", slices=3, bleed=True, size=64)
    return folder


@pytest.fixture
def folder(phantom: Path, tmp_path: Path) -> Path:
    """A copy of the phantom to break: IM0001, IM0002, IM0003."""
    return Path(shutil.copytree(phantom, tmp_path / "in"))


@pytest.fixture
def one(folder: Path) -> Path:
    """The only file of its folder."""
    (folder / "IM0002").unlink()
    (folder / "IM0003").unlink()
    return folder / "IM0001"


@pytest.fixture
def edit() -> Edit:
    """Set elements of a file by keyword; None removes the element."""

    def change(path: Path, **values: Any) -> None:
        ds = pydicom.dcmread(path)
        for keyword, value in values.items():
            if value is None:
                del ds[keyword]
            else:
                setattr(ds, keyword, list(value) if isinstance(value, tuple) else value)
        ds.save_as(path)

    return change


@pytest.fixture
def set_bytes() -> Callable[[Path, str, bytes], None]:
    """Replace the value of an element by bytes that pydicom would not write."""

    def change(path: Path, keyword: str, value: bytes) -> None:
        content, tag = path.read_bytes(), Tag(tag_for_keyword(keyword) or 0)
        at = content.index(struct.pack("<HH", tag.group, tag.element)) + 6
        (length,) = struct.unpack("<H", content[at : at + 2])
        value += b" " * (len(value) % 2)
        new = struct.pack("<H", len(value)) + value
        path.write_bytes(content[:at] + new + content[at + 2 + length :])

    return change


@pytest.fixture(params=[*DCMTK, *PYDICOM])
def compress(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Compress a file in place, by each codec in turn."""
    codec: str = request.param
    if codec in DCMTK:
        tool, option = DCMTK[codec]
        if shutil.which(tool) is None:
            engine_is_missing(f"no {tool} here: tests/hpc/install_dicom_tools.sh")

        def by_dcmtk(path: Path) -> None:
            subprocess.run([tool, option, path, path], check=True)

        return by_dcmtk
    syntax, plugin = PYDICOM[codec]
    if plugin == "pylibjpeg":
        pytest.importorskip("openjpeg", reason="pylibjpeg-openjpeg encodes the JPEG 2000 copies")

    def by_pydicom(path: Path) -> None:
        ds = pydicom.dcmread(path)
        ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
        ds.save_as(path)

    return by_pydicom
