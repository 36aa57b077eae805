"""C-STORE to a PACS that fails in each way."""

import time

import pytest
from certificates import authority, signed
from dicom_objects import write_objects
from live import free_port
from pacs import frozen_pacs, pacs, server_tls
from sender import read, send_files, sender_to

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_no_sockets_of_servers")]
OK = ("accepted", "0x0000")


def at(port, **options):
    return {"kind": "dimse", "host": "127.0.0.1", "port": port, "called": "PACS", **options}


def test_the_bytes_of_the_files_arrive(files):
    with pacs() as there:
        assert send_files(files, **at(there.port)) == ("", [OK] * 3)
    for path, _ in files:
        assert path.read_bytes().endswith(there.content[path.stem])
        assert len(there.content[path.stem]) > 300


@pytest.mark.parametrize(
    ("behaviour", "answers", "why"),
    [
        ({"status": lambda _: 0xA700}, [("passing", "0xA700")] * 2, "0xA700"),
        ({"status": lambda n: 0xA700 if n == 2 else 0}, [OK, ("passing", "0xA700"), OK, OK], ""),
        ({"status": lambda n: 0xA900 if n == 2 else 0}, [OK, ("refused", "0xA900"), OK], ""),
        ({"status": lambda _: 0xC001}, [("refused", "0xC001")] * 3, ""),
        ({"status": lambda _: 0x0122}, [("refused", "0x0122")] * 3, ""),
        ({"aborts_at": 2}, [OK, OK, OK], ""),
        ({"classes": ()}, [], "takes none of our kinds"),
        ({"only_called": "OTHER"}, [], "rejects the association"),
    ],
)
def test_kinds_of_failure(files, behaviour, answers, why):
    with pacs(**behaviour) as there:
        said, got = send_files(files, **at(there.port))
    assert got == answers
    assert why in said if why else said == ""


def test_a_context_that_is_missing_refuses_that_object_alone(files, tmp_path):
    other = write_objects(tmp_path / "other", 4, sop_class="1.2.840.10008.5.1.4.1.1.7.2")[3:]
    with pacs() as there:
        said, got = send_files([*files[:1], *other, *files[1:]], **at(there.port))
    assert (said, got) == ("", [OK, ("refused", "NO_CONTEXT"), OK, OK])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom
def test_a_closed_port_and_an_unknown_name(files):
    said, got = send_files(files, **at(free_port()))
    assert got == []
    assert "Connection refused" in said
    said, got = send_files(files, **at(104) | {"host": "nowhere.invalid"})
    assert got == []
    assert "the name nowhere.invalid is not known" in said


@pytest.mark.parametrize("size", [16, 5000], ids=["small", "larger than any buffer"])
def test_a_frozen_process_costs_bounded_time(tmp_path, size):
    what = write_objects(tmp_path / "what", 1, size=size)
    begun = time.monotonic()
    with frozen_pacs(tmp_path) as port:
        said, got = send_files(what, timeout_s=2, **at(port))
    assert got == []
    assert "does not answer" in said or "did not answer" in said
    assert time.monotonic() - begun < 25


def test_tls_with_an_authority_of_our_own(files, tmp_path):
    ca = authority(tmp_path / "ca", "ours")
    server, client = signed(ca, tmp_path, "127.0.0.1"), signed(ca, tmp_path, "us")
    tls = {"ca": str(ca.certificate), "certificate": str(client.certificate)}
    tls["key"] = str(client.key)
    with pacs(tls=server_tls(server, ca)) as there:
        assert send_files(files, **at(there.port, tls=tls)) == ("", [OK] * 3)
        without = {"ca": str(ca.certificate)}
        assert send_files(files, **at(there.port, tls=without))[1] == []
        wrong_name = tls | {"name": "pacs.example"}
        said, got = send_files(files, **at(there.port, tls=wrong_name))
        assert got == [] and "not trusted" in said and "pacs.example" in said
        stranger = tls | {"ca": str(authority(tmp_path / "other", "other").certificate)}
        said, got = send_files(files, **at(there.port, tls=stranger))
        assert got == [] and "not trusted" in said
        assert send_files(files, **at(there.port))[1] == []
    assert len(there.received) == 3


@pytest.mark.parametrize("commits", ["same", "lacks one", "never", "refuses"])
def test_storage_commitment_on_the_same_association(files, commits):
    seconds = 2 if commits == "never" else 60
    with pacs(commits=commits) as there:
        sender = sender_to(
            **at(there.port, commitment={"listen_port": free_port(), "wait_seconds": seconds})
        )
        (to,) = sender.chosen_by([])
        objects = read(sender, files)
        said = sender.confirm(to, {one.sop_instance: one.sop_class for one in objects})
    expected = {
        "same": ["confirmed"] * 3,
        "lacks one": ["confirmed", "confirmed", "missing: 0x0112"],
        "never": ["not confirmed: no answer came in 2 s"] * 3,
        "refuses": ["not confirmed: it refuses the request: 0x0122"] * 3,
    }
    assert list(said.values()) == expected[commits]
