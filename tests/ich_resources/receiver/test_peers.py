"""What other peers do shuts no sender out, and fills no memory: the real receiver, real sockets."""

import signal
import struct
import time
import zlib
from contextlib import ExitStack

import pydicom
import pytest

from ich_resources.demo.study import write_series

pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")

from live import wait
from pydicom.uid import DeflatedExplicitVRLittleEndian
from receiving import (
    associated,
    association_request,
    closed,
    pdu,
    receiving,
    sends,
)

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    paths = write_series(folder, name="head", slices=3, bleed=True, size=64)
    return [pydicom.dcmread(path) for path in paths]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """One receiver for all: what one peer did must not matter to the next."""
    with receiving(tmp_path_factory.mktemp("receiver")) as started:
        yield started


def silent(receiver, stack, number, content=b""):
    return [stack.enter_context(receiver.connect(content)) for _ in range(number)]


@pytest.mark.parametrize("number", [10, 200])
@pytest.mark.parametrize(
    "content",
    [b"", b"\x01\x00", b"GET / HTTP/1.1\r\n\r\n", pdu(1, b"\x00\x01" * 20, length=500)],
    ids=["says nothing", "half a head", "HTTP", "half a request"],
)
def test_connections_that_ask_for_nothing_keep_no_sender_out(receiver, slices, number, content):
    with ExitStack() as stack:
        silent(receiver, stack, number, content)
        assert sends(receiver.port, slices[0]) == 0
    assert receiver.threads() < 600


def test_a_port_scan_keeps_no_sender_out(receiver, slices):
    for _ in range(300):
        receiver.connect().close()
    assert sends(receiver.port, slices[0]) == 0


@pytest.mark.parametrize("calling", ["SCANNER", "STRANGER"])
def test_associations_that_only_echo_keep_no_sender_out(receiver, slices, calling):
    with ExitStack() as stack:
        echoing = [
            stack.enter_context(associated(receiver.port, calling=calling)) for _ in range(10)
        ]
        assert [each.send_c_echo().Status for each in echoing] == [0] * 10
        assert wait(20, lambda: sends(receiver.port, slices[0]) == 0)


def test_a_peer_may_hold_ten_associations_that_send(receiver, slices):
    before = len(receiver.said())
    with ExitStack() as stack:
        sending = [
            stack.enter_context(associated(receiver.port, "1.2.840.10008.1.2.1")) for _ in range(10)
        ]
        assert [each.send_c_store(slices[0]).Status for each in sending] == [0] * 10
        assert sends(receiver.port, slices[1]) == -1
        assert sends(receiver.port, slices[1], calling="OTHER") == 0
        assert [each.send_c_store(slices[1]).Status for each in sending] == [0] * 10
    said = receiver.said()[before:]
    assert "rejected an association" in said
    assert "(SCANNER): its places are taken" in said


def test_silent_connections_end_soon(receiver):
    with ExitStack() as stack:
        opened = silent(receiver, stack, 1) + silent(receiver, stack, 1, b"\x01")
        opened += silent(receiver, stack, 1, pdu(1, b"half", length=400))
        begun = time.monotonic()
        assert all(closed(each, 25) for each in opened)
        assert 5 < time.monotonic() - begun < 25


@pytest.mark.parametrize("length", [2 * MEGABYTE, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [1, 4])
def test_a_pdu_is_bounded_before_an_association(receiver, slices, kind, length):
    before = receiver.memory()
    with receiver.connect(pdu(kind, b"", length=length)) as opened:
        assert ends(opened, bytes(MEGABYTE), 64)
    assert receiver.memory() - before < 32 * MEGABYTE
    assert sends(receiver.port, slices[0]) == 0


def test_a_pdu_is_bounded_in_an_association(receiver):
    before = receiver.memory()
    with receiver.connect(association_request()) as opened:
        assert opened.recv(65536)[0] == 2
        assert ends(opened, pdu(4, b"", length=0x7FFFFFFF) + bytes(MEGABYTE), 64)
    assert receiver.memory() - before < 32 * MEGABYTE
    assert "(RAW): a PDU of 2147483647 bytes" in receiver.said()


def ends(opened, content, times) -> bool:
    """Return whether the receiver ends a connection before so much was sent."""
    try:
        for _ in range(times):
            opened.sendall(content)
    except OSError:
        return True
    return False


def test_a_command_without_end_is_bounded(receiver):
    before = receiver.memory()
    fragment = struct.pack(">LBB", 16002, 1, 1) + bytes(16000)
    with receiver.connect(association_request()) as opened:
        assert opened.recv(65536)[0] == 2
        assert ends(opened, pdu(4, fragment), 5000)
    assert receiver.memory() - before < 32 * MEGABYTE
    assert "a command without end" in receiver.said()


def deflated(content: bytes, size: int) -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [squeeze.compress(content)]
    parts += [squeeze.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join([*parts, squeeze.flush()])


def send_bytes(port, content, like):
    """Send a deflated data set that is given as bytes; return the status."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE

    with associated(port, DeflatedExplicitVRLittleEndian) as association:
        request = C_STORE()
        request.MessageID = 1
        request.AffectedSOPClassUID = like.SOPClassUID
        request.AffectedSOPInstanceUID = like.SOPInstanceUID
        request.Priority = 2
        request.DataSet = BytesIO(content)
        (context,) = [c for c in association.accepted_contexts if c.context_id == 3]
        association._reactor_checkpoint.clear()
        try:
            association.dimse.send_msg(request, context.context_id)
            _, answer = association.dimse.get_msg(block=True)
        finally:
            association._reactor_checkpoint.set()
        return answer.Status


@pytest.mark.parametrize("where", ["before the series", "in the pixels"])
def test_a_deflate_bomb_is_refused_in_bounded_memory(receiver, slices, where):
    if where == "in the pixels":
        whole = encoded(slices[0])
        head = whole + struct.pack("<HH2sHL", 0x7FE0, 0x11, b"OB", 0, 0xFFFFFFF0)
    else:
        head = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, 0xFFFFFFF0)
    before, files = receiver.memory(), receiver.files()
    assert send_bytes(receiver.port, deflated(head, 1200 * MEGABYTE), slices[0]) == 0xC000
    assert receiver.memory() - before < 96 * MEGABYTE
    assert receiver.files() == files
    assert "the deflated data set has more than 1000000000 bytes" in receiver.said()


@pytest.mark.parametrize("damage", ["cut off", "other bytes"])
def test_a_damaged_deflated_instance_is_refused(receiver, slices, damage):
    content = deflated(encoded(slices[2]), 0)
    content = content[: len(content) // 2] if damage == "cut off" else b"\xff" * 1000
    files = receiver.files()
    assert send_bytes(receiver.port, content, slices[2]) == 0xC000
    assert receiver.files() == files


def test_a_deflated_instance_is_kept_as_it_was_sent(receiver, slices):
    content = deflated(encoded(slices[2]), 0)
    assert send_bytes(receiver.port, content, slices[2]) == 0
    (path,) = [p for p in receiver.files() if p.name.startswith(f"{slices[2].SOPInstanceUID}.")]
    assert pydicom.dcmread(path).PixelData == slices[2].PixelData
    assert path.read_bytes().endswith(content)


def encoded(dataset) -> bytes:
    from pynetdicom.dsutils import encode

    return encode(dataset, is_implicit_vr=False, is_little_endian=True)


def test_it_stops_at_once_though_peers_are_connected(tmp_path, slices):
    with receiving(tmp_path) as started, ExitStack() as stack:
        silent(started, stack, 5, b"\x01")
        stack.enter_context(associated(started.port))
        assert wait(10, lambda: started.threads() > 10)
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(5) == 0
    assert "Traceback" not in started.said()


def test_the_log_names_peer_and_title_and_has_no_stack_trace(receiver, slices):
    assert sends(receiver.port, slices[1], calling="CT-ROOM-1") == 0
    received = [line for line in receiver.said().splitlines() if "(CT-ROOM-1)" in line]
    assert len(received) == 1
    assert f"{slices[1].SOPInstanceUID}.dcm from 127.0.0.1:" in received[0]
    assert "Traceback" not in receiver.said()
