"""Archives that are made to fill memory or disk are refused in a sentence, in bounded memory."""

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path
from random import Random

import pytest
from fetching import ALL
from release import packed

from ich_resources.errors import FetchError
from ich_resources.weights.unpacking import unpack

MEGABYTE = 1 << 20
FOLD = "model_epoch_best_0.pth"
CHILD = """
import sys
from pathlib import Path
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import FetchError
from ich_resources.weights.unpacking import unpack
with open(sys.argv[1], "rb") as file:
    try:
        unpack(file, "archive", list(BACKBONES.values())[0], Path(sys.argv[2]))
    except FetchError as err:
        print(err)
(line,) = [l for l in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in l]
print(line.split()[1])
"""


def refused(content: bytes, folder: Path) -> tuple[str, int]:
    """Unpack in a process of its own; return its words, and the most bytes it held."""
    archive = folder / "archive"
    archive.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(archive), str(folder / "out")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert not list((folder / "out").glob("*"))
    *words, memory = done.stdout.splitlines()
    return "\n".join(words), int(memory) * 1024


def header_of(size: int, kind: bytes) -> bytes:
    """A tar whose first header says that an extended one of some size follows."""
    entry = tarfile.TarInfo("x")
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_an_extended_header_that_fills_memory(tmp_path, kind, pack):
    content = pack(header_of(96 * MEGABYTE, kind) + bytes(96 * MEGABYTE))
    words, memory = refused(content, tmp_path)
    assert "the archive is damaged, or the file is not an archive" in words
    assert memory < 100 * MEGABYTE


def test_checkpoints_that_are_too_large(tmp_path):
    entry = tarfile.TarInfo(FOLD)
    entry.size = 5_000_000_000
    archive = tmp_path / "archive"
    with archive.open("wb") as file:
        file.write(entry.tobuf())
        file.truncate(512 + 5_000_000_000 + 512 * 20)  # a hole, which takes no space
    with archive.open("rb") as file, pytest.raises(FetchError) as caught:
        unpack(file, "archive", ALL[0], tmp_path / "out")
    assert caught.value.message == ("the checkpoints have 5.00 GB, and at most 4.00 GB may come")
    assert not list((tmp_path / "out").glob("*"))


def test_a_dictionary_that_takes_much_memory(tmp_path):
    content = packed({FOLD: b"x"}, "w")
    head = lzma.compress(content, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])
    # The size of the dictionary is one byte of the block header, which has a CRC-32 (xz, 3.1).
    size = (head[12] + 1) * 4
    block = bytearray(head[12 : 12 + size - 4])
    block[4] = 36
    changed = head[:12] + bytes(block) + struct.pack("<L", zlib.crc32(block)) + head[12 + size :]
    words, memory = refused(changed, tmp_path)
    assert "Memory usage limit" in words
    assert memory < 100 * MEGABYTE


def zipped(method: int, number: int = 1) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for index in range(number):
            archive.writestr(f"{index}/{FOLD}" if index else FOLD, b"x" * 100)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped(zipfile.ZIP_LZMA), "packed by a method that takes much memory"),
        (zipped(zipfile.ZIP_STORED, 30_000), "it lists far more members than a release has"),
    ],
    ids=["LZMA", "many members"],
)
def test_a_zip_that_takes_much_memory(tmp_path, content, words):
    said, memory = refused(content, tmp_path)
    assert words in said
    assert memory < 100 * MEGABYTE


@pytest.mark.parametrize("form", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_flipped_bytes_are_sentences(tmp_path, form):
    good = zipped(zipfile.ZIP_DEFLATED) if form == "zip" else packed({FOLD: b"x" * 300}, form)
    random = Random(form)
    for _ in range(300):
        # Another exception than ours would end the test.
        content = bytearray(good)
        for _ in range(random.randint(1, 8)):
            content[random.randrange(len(content))] = random.randrange(256)
        try:
            written = unpack(io.BytesIO(content), "archive", ALL[0], tmp_path / "out")
        except FetchError:
            continue
        else:
            assert [path.name for path in written] == [f".part-{FOLD}"]
