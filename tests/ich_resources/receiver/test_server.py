"""What real senders send lies in the inbox as whole files, and nothing else does."""

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from engines import engine_is_missing
from ledgers import scan

from ich_resources.demo.study import uid, write_series
from ich_resources.reasons import Reason

pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RLELossless
from pynetdicom import AE

from ich_resources.receiver.server import VERIFICATION, start

SLICES = 3


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """Three slices of about 33 kB."""
    folder = tmp_path_factory.mktemp("phantom")
    write_series(folder, name="head", slices=SLICES, bleed=True, size=128)
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another series of the same study."""
    folder = tmp_path_factory.mktemp("other")
    write_series(folder, name="other", slices=SLICES, bleed=False, size=128)
    return folder


@pytest.fixture(scope="module")
def storescu():
    """The path of dcmtk's storescu; pynetdicom has another of that name."""
    for folder in os.get_exec_path():
        found = shutil.which("storescu", path=folder)
        if found and b"dcmtk" in subprocess.run([found, "--version"], capture_output=True).stdout:
            return found
    return engine_is_missing("no storescu of dcmtk here: tests/hpc/install_dicom_tools.sh")


@contextmanager
def listening(inbox):
    server = start(inbox, host="127.0.0.1", port=0, ae_title="ICH")
    try:
        yield server
    finally:
        server.shutdown()


@pytest.fixture
def inbox(tmp_path):
    return tmp_path / "inbox"


@pytest.fixture
def server(inbox):
    inbox.mkdir()
    with listening(inbox) as server:
        yield server


def port(server) -> int:
    return server.server_address[1]


@contextmanager
def associated(server, syntax=ExplicitVRLittleEndian):
    """An association of a client of ours."""
    entity = AE()
    entity.add_requested_context(CTImageStorage, syntax)
    entity.add_requested_context(VERIFICATION)
    association = entity.associate("127.0.0.1", port(server))
    assert association.is_established
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def sending(storescu, number, folder):
    """Storescu on its way with the files of a folder."""
    command = [storescu, "-R", "-aec", "ICH", "127.0.0.1", str(number), *sorted(folder.iterdir())]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def send(storescu, server, folder):
    assert sending(storescu, port(server), folder).wait(60) == 0


def received(inbox) -> list[Path]:
    return sorted(path for path in inbox.rglob("*") if not path.is_dir())


def pixels(paths) -> dict[str, bytes]:
    """Pixels by SOPInstanceUID."""
    found = [pydicom.dcmread(path) for path in paths]
    return {str(ds.SOPInstanceUID): ds.PixelData for ds in found}


def wait_until_idle(server):
    deadline = time.monotonic() + 30
    while server.active_associations:
        assert time.monotonic() < deadline, "an association does not end"
        time.sleep(0.02)


@contextmanager
def line_that_breaks(server, after):
    """A port that passes on so many bytes to the server, then is gone."""
    with socket.create_server(("127.0.0.1", 0)) as entrance:
        entrance.settimeout(30)

        def back(server_side, client):
            while content := server_side.recv(65536):
                client.sendall(content)

        def forward():
            client, _ = entrance.accept()
            left = after
            with client, socket.create_connection(("127.0.0.1", port(server))) as server_side:
                answers = threading.Thread(target=back, args=(server_side, client))
                answers.start()
                while left and (content := client.recv(min(left, 65536))):
                    server_side.sendall(content)
                    left -= len(content)
                server_side.shutdown(socket.SHUT_RDWR)
                answers.join(30)

        line = threading.Thread(target=forward)
        line.start()
        yield entrance.getsockname()[1]
        line.join(30)


def test_a_series_arrives_as_it_was_sent(server, inbox, storescu, phantom):
    send(storescu, server, phantom)
    sent = pixels(phantom.iterdir())
    assert pixels(received(inbox)) == sent
    folder = inbox / uid("demo") / uid("demo", "head")
    assert received(inbox) == sorted(folder / f"{sop}.dcm" for sop in sent)


def test_a_received_header_says_what_the_sent_one_said(server, inbox, storescu, phantom):
    send(storescu, server, phantom)
    for path in phantom.iterdir():
        sent = pydicom.dcmread(path)
        found = pydicom.dcmread(
            inbox / uid("demo") / uid("demo", "head") / f"{sent.SOPInstanceUID}.dcm"
        )
        assert found == sent
        assert found.file_meta.MediaStorageSOPInstanceUID == sent.SOPInstanceUID
        assert found.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID


def test_a_compressed_instance_stays_as_it_is(server, inbox, phantom):
    compressed = pydicom.dcmread(phantom / "IM0001")
    compressed.compress(RLELossless, generate_instance_uid=False)
    with associated(server, syntax=RLELossless) as association:
        assert association.send_c_store(compressed).Status == 0
    (path,) = received(inbox)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == RLELossless
    assert pixels([path]) == {str(compressed.SOPInstanceUID): compressed.PixelData}


def test_two_senders_at_once(server, inbox, storescu, phantom, other):
    both = [sending(storescu, port(server), folder) for folder in (phantom, other)]
    assert [sender.wait(60) for sender in both] == [0, 0]
    assert pixels(received(inbox)) == pixels(phantom.iterdir()) | pixels(other.iterdir())


def test_two_associations_in_turns(server, inbox, phantom, other):
    pairs = list(zip(sorted(phantom.iterdir()), sorted(other.iterdir()), strict=True))
    with associated(server) as first, associated(server) as second:
        for one, two in pairs:
            assert first.send_c_store(one).Status == 0
            assert second.send_c_store(two).Status == 0
    assert pixels(received(inbox)) == pixels(phantom.iterdir()) | pixels(other.iterdir())


def test_success_is_answered_when_the_file_lies_there(server, inbox, phantom):
    with associated(server) as association:
        for count, path in enumerate(sorted(phantom.iterdir()), 1):
            assert association.send_c_store(path).Status == 0
            assert len(received(inbox)) == count
        assert association.send_c_echo().Status == 0


def test_an_aborted_association_keeps_what_was_answered(server, inbox, storescu, phantom):
    first, *_ = sorted(phantom.iterdir())
    with associated(server) as association:
        assert association.send_c_store(first).Status == 0
        association.abort()
    wait_until_idle(server)
    assert pixels(received(inbox)) == pixels([first])
    send(storescu, server, phantom)
    assert pixels(received(inbox)) == pixels(phantom.iterdir())


def test_a_line_that_breaks_inside_an_instance_leaves_whole_files(server, inbox, storescu, phantom):
    first, *_ = sorted(phantom.iterdir())
    size = first.stat().st_size
    with line_that_breaks(server, after=size + size // 2) as number:
        sender = sending(storescu, number, phantom)
        assert sender.wait(60) != 0
    wait_until_idle(server)
    assert pixels(received(inbox)) == pixels([first])
    send(storescu, server, phantom)
    assert pixels(received(inbox)) == pixels(phantom.iterdir())


def test_a_sender_that_is_killed_leaves_whole_files(server, inbox, storescu, phantom):
    sender = sending(storescu, port(server), phantom)
    deadline = time.monotonic() + 30
    while not received(inbox) and time.monotonic() < deadline:
        time.sleep(0.001)
    sender.kill()
    sender.wait(60)
    wait_until_idle(server)
    sent, found = pixels(phantom.iterdir()), pixels(received(inbox))
    assert found and found.items() <= sent.items()
    send(storescu, server, phantom)
    assert pixels(received(inbox)) == sent


def test_an_instance_sent_twice_is_one_file_of_the_same_bytes(server, inbox, storescu, phantom):
    send(storescu, server, phantom)
    first = {path: path.read_bytes() for path in received(inbox)}
    send(storescu, server, phantom)
    assert {path: path.read_bytes() for path in received(inbox)} == first
    assert len(first) == SLICES


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", [b"../../../etc", b"1.2/3", b"a b", b""])
def test_an_instance_with_a_uid_that_is_none_is_refused(server, inbox, phantom, keyword, value):
    good, *_ = sorted(phantom.iterdir())
    bad = pydicom.dcmread(good)
    element = bad.get_item(keyword)
    bad[keyword] = element._replace(value=value, length=len(value))
    with associated(server) as association:
        assert association.send_c_store(bad).Status == 0xC000
        assert received(inbox.parent) == []
        assert association.send_c_store(good).Status == 0
    assert pixels(received(inbox)) == pixels([good])


def test_an_instance_without_a_series_is_refused(server, inbox, phantom):
    bad = pydicom.dcmread(phantom / "IM0001")
    del bad.SeriesInstanceUID
    with associated(server) as association:
        assert association.send_c_store(bad).Status == 0xC000
    assert received(inbox) == []


def test_a_folder_that_cannot_be_written(inbox, phantom):
    inbox.write_bytes(b"a file in the way")
    with listening(inbox) as server, associated(server) as association:
        assert association.send_c_store(phantom / "IM0001").Status == 0xA700
        inbox.unlink()
        assert association.send_c_store(phantom / "IM0001").Status == 0
    assert len(received(inbox)) == 1


def test_a_port_that_is_taken(server, inbox):
    with pytest.raises(OSError, match="in use"):
        start(inbox, host="127.0.0.1", port=port(server), ae_title="ICH")


def changed(path, **elements):
    """An instance with other content under its UID."""
    found = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


@pytest.mark.parametrize(
    "elements",
    [{"PixelData": bytes(128 * 128 * 2)}, {"RescaleIntercept": "-1000"}, {"PatientName": "Doe"}],
    ids=["pixels", "one number", "a name"],
)
def test_other_content_under_an_acknowledged_uid_is_kept_beside_it(
    server, inbox, phantom, elements
):
    first, *_ = sorted(phantom.iterdir())
    second = changed(first, **elements)
    with associated(server) as association:
        assert association.send_c_store(first).Status == 0
        (path,) = received(inbox)
        before = path.read_bytes()
        for _ in range(2):
            assert association.send_c_store(second).Status == 0
            assert association.send_c_store(first).Status == 0
    assert path.read_bytes() == before
    assert len(received(inbox)) == 2
    (beside,) = [each for each in received(inbox) if each != path]
    assert pydicom.dcmread(beside) == second


def test_the_scan_reports_both_contents(server, inbox, phantom):
    first, *_ = sorted(phantom.iterdir())
    with associated(server) as association:
        assert association.send_c_store(first).Status == 0
        assert association.send_c_store(changed(first, PixelData=bytes(128 * 128 * 2))).Status == 0
    (series,) = scan(inbox).series
    judgements = [record.judgement for record in series.slices]
    assert [each and each.code for each in judgements] == [Reason.DUPLICATE_UID] * 2


def test_each_file_says_who_sent_it(server, inbox, phantom):
    with associated(server) as association:
        dataset = pydicom.dcmread(next(phantom.iterdir()))
        assert association.send_c_store(dataset).Status == 0
    (path,) = received(inbox)
    assert pydicom.dcmread(path).file_meta.SourceApplicationEntityTitle == "PYNETDICOM"
