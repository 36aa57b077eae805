"""A file that would take too much fails alone, and the process itself stays small."""

import os
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib

import compressing
import psutil
import pydicom
import pytest
from compressing import as_kind
from ledgers import only_series, scan, unassigned_codes
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless

from ich_resources.dicom.limits import NESTING, PIXELS
from ich_resources.dicom.reading import read_series
from ich_resources.dicom.scanned import scan_file
from ich_resources.dicom.walk import is_plain
from ich_resources.reasons import Reason
from ich_resources.series_images import HuSlice

pytestmark = pytest.mark.slow

PIXEL_DATA = b"\xe0\x7f\x10\0"


def memory_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def split(content: bytes) -> tuple[bytes, bytes]:
    """Return preamble with file meta information, and the data set."""
    (length,) = struct.unpack("<L", content[140:144])
    return content[: 144 + length], content[144 + length :]


@pytest.mark.parametrize("place", ["pixels", "private", "trailing"])
def test_a_file_that_inflates_without_end(folder, place):
    """300 MB in 300 kB; the other slices are read."""
    path = folder / "IM0002"
    content = as_kind(pydicom.dcmread(path), "deflated")
    meta, packed = split(content)
    plain = zlib.decompress(packed, -15)
    size = 300 * 2**20
    at = plain.index(PIXEL_DATA) if place != "trailing" else len(plain)
    tag = {"pixels": PIXEL_DATA, "private": b"\x51\0\x10\x10", "trailing": b"\xfc\xff\xfc\xff"}
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(plain[:at] + tag[place] + b"OB\0\0" + struct.pack("<L", size))
    for _ in range(size >> 20):
        bomb += deflater.compress(bytes(2**20))
    path.write_bytes(meta + bomb + deflater.flush())
    before = memory_mb()
    ledger = scan(folder)
    assert memory_mb() - before < 100
    assert unassigned_codes(ledger) == {"IM0002": Reason.OVER_LIMIT}
    assert "inflates to more than 256 MB" in ledger.unassigned[0].judgement.reason
    series = only_series(ledger)
    assert all(isinstance(item, HuSlice) for item in read_series(series, folder))
    assert series.count("admitted") == 2


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, None])
def test_more_pixels_than_the_limit(folder, edit, syntax):
    path = folder / "IM0002"
    ds = pydicom.dcmread(path)
    ds.Rows, ds.Columns = 4096, 4097
    if syntax is not None:
        run = b"\x81\0" * (PIXELS // 128)
        header = struct.pack("<16L", 2, 64, 64 + len(run), *[0] * 13)
        ds.PixelData = encapsulate([header + run + run])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(path)
    series = only_series(scan(folder))
    assert [record.state for record in series.slices] == ["admitted", "failed", "admitted"]
    assert series.slices[1].judgement.code is Reason.OVER_LIMIT
    assert "4096 x Columns 4097" in series.slices[1].judgement.reason


def nested(depth: int, *, explicit: bool, defined: bool) -> bytes:
    """Return a private element of sequences in sequences."""
    content = b""
    for _ in range(depth):
        length = len(content) if defined else 0xFFFFFFFF
        end = b"" if defined else b"\xfe\xff\x0d\xe0\0\0\0\0"
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", length) + content + end
        length = len(item) if defined else 0xFFFFFFFF
        end = b"" if defined else b"\xfe\xff\xdd\xe0\0\0\0\0"
        vr = b"SQ\0\0" if explicit else b""
        content = b"\x19\0\x10\x10" + vr + struct.pack("<L", length) + item + end
    return content


@pytest.mark.parametrize(
    ("kind", "defined"),
    [("raw explicit", False), ("raw explicit", True), ("raw implicit", False), ("JPEG-LS", False)],
)
@pytest.mark.parametrize("beyond", [0, 1, 500])
def test_sequences_nested_too_deep(folder, kind, defined, beyond):
    path = folder / "IM0002"
    content = as_kind(compressing.unsigned(pydicom.dcmread(path)), kind)
    at = content.index(b"\x20\0\x0d\0")
    deep = nested(NESTING + beyond, explicit=kind != "raw implicit", defined=defined)
    path.write_bytes(content[:at] + deep + content[at:])
    ledger = scan(folder)
    series = only_series(ledger)
    if beyond:
        assert unassigned_codes(ledger) == {"IM0002": Reason.OVER_LIMIT}
        assert "nested more than 32 deep" in ledger.unassigned[0].judgement.reason
    assert series.count("admitted") == (2 if beyond else 3)
    assert all(isinstance(item, HuSlice) for item in read_series(series, folder))


def test_a_value_that_takes_too_much_memory(folder):
    """20 million window centers, two bytes each: gigabytes of numbers."""
    path = folder / "IM0002"
    content = as_kind(pydicom.dcmread(path), "raw implicit")
    at = content.index(b"\x28\0\x50\x10")
    (length,) = struct.unpack("<L", content[at + 4 : at + 8])
    value = b"9\\" * 20_000_000
    many = content[at : at + 4] + struct.pack("<L", len(value)) + value
    path.write_bytes(content[:at] + many + content[at + 8 + length :])
    before = memory_mb()
    ledger = scan(folder)
    assert memory_mb() - before < 200
    assert unassigned_codes(ledger) == {"IM0002": Reason.OVER_LIMIT}
    assert only_series(ledger).count("admitted") == 2


@pytest.mark.parametrize(
    ("values", "state", "code"),
    [({}, "failed", Reason.OVER_LIMIT), ({"Modality": "US"}, "refused", Reason.NOT_CT)],
)
def test_a_file_beyond_the_limit_is_not_read_whole(one, edit, values, state, code):
    """A large clip beside the slices is not a failure."""
    edit(one, **values)
    os.truncate(one, 300 * 2**20)
    before = memory_mb()
    judgement = scan_file(one.name, one.parent).judgement
    assert memory_mb() - before < 50
    assert (judgement.state, judgement.code) == (state, code)


def test_ordinary_files_are_parsed_without_a_child(phantom):
    """Whole files, small work; all else is not plain."""
    content = (phantom / "IM0001").read_bytes()
    ds = compressing.unsigned(pydicom.dcmread(phantom / "IM0001"))
    for kind in compressing.KINDS:
        assert is_plain(as_kind(ds, kind)) is (kind != "deflated")
    at = content.index(b"\x20\0\x0d\0")
    empty = b"\xfe\xff\x00\xe0\0\0\0\0" * 6000
    many = b"\x19\0\x10\x10SQ\0\0" + struct.pack("<L", len(empty)) + empty
    for odd in (content[:-1], content[132:], content[:at] + many + content[at:], content + b"x"):
        assert not is_plain(odd)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_ends_a_scan_and_its_children(folder, number):
    """While a child is at work on a file that takes it half a minute."""
    content = (folder / "IM0002").read_bytes()
    at = content.index(b"\x20\0\x0d\0")
    empty = b"\x19\0\x10\x10SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * 4_000_000
    end = b"\xfe\xff\xdd\xe0\0\0\0\0"
    (folder / "IM0002").write_bytes(content[:at] + empty + end + content[at:])
    code = "import sys, pathlib; from ich_resources.dicom.discovery import scan; "
    code += "scan(pathlib.Path(sys.argv[1]))"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, folder], stderr=subprocess.PIPE, text=True
    )
    children: list[psutil.Process] = []
    while not any(child.cpu_times().user > 2 for child in children):
        assert parent.poll() is None, "the scan has ended before it was interrupted"
        time.sleep(0.05)
        children = psutil.Process(parent.pid).children()
    told = time.monotonic()
    parent.send_signal(number)
    parent.communicate(timeout=20)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert time.monotonic() - told < 10
    assert parent.returncode != 0
