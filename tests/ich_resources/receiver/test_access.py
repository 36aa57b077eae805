"""Who may send: AE titles, addresses that others reach, TLS. The real receiver, real senders."""

import ssl
import subprocess
import sys

import pydicom
import pytest
import yaml

from ich_resources.demo.study import write_series

pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")

from live import ROOT
from receiving import Receiver, associated, environment, receiving, refusal, sends
from tls import certificate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slice_(tmp_path_factory):
    (path,) = write_series(
        tmp_path_factory.mktemp("phantom"), name="head", slices=1, bleed=False, size=64
    )
    return pydicom.dcmread(path)


def healthy(receiver: Receiver, **variables: str) -> bool:
    """Ask as the health check of a container does."""
    done = subprocess.run(
        [sys.executable, "-m", "ich_resources.receiver.health"],
        env=environment(receiver.inbox, RECEIVE_PORT=str(receiver.port), **variables),
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    return done.returncode == 0


def test_without_settings_every_title_may_send(tmp_path, slice_):
    with receiving(tmp_path) as receiver:
        assert sends(receiver.port, slice_, calling="ANYONE", called="ANY-SCP") == 0
        assert healthy(receiver)


def test_only_callers_of_the_list_may_send(tmp_path, slice_):
    callers = {"RECEIVE_CALLERS": "CT 1, PACS ,"}
    with receiving(tmp_path, **callers) as receiver:
        assert sends(receiver.port, slice_, calling="STRANGER") == -1
        assert sends(receiver.port, slice_, calling="ct 1") == -1
        assert receiver.files() == []
        assert sends(receiver.port, slice_, calling="CT 1") == 0
        assert sends(receiver.port, slice_, calling="PACS", called="ANY-SCP") == 0
        assert len(receiver.files()) == 1
        assert healthy(receiver, **callers)
        assert "(STRANGER): its AE title is not in RECEIVE_CALLERS" in receiver.said()
        assert ".dcm from 127.0.0.1:" in receiver.said() and "(PACS)" in receiver.said()


def test_the_called_title_counts_where_it_is_set(tmp_path, slice_):
    with receiving(tmp_path, RECEIVE_AE_TITLE="HEADS") as receiver:
        assert sends(receiver.port, slice_, called="ICH") == -1
        assert sends(receiver.port, slice_, called="ANY-SCP") == -1
        assert sends(receiver.port, slice_, called="HEADS") == 0
        assert healthy(receiver, RECEIVE_AE_TITLE="HEADS")
        assert "(SCANNER): it calls 'ANY-SCP', not 'HEADS'" in receiver.said()


def test_strangers_that_are_rejected_take_no_place(tmp_path, slice_):
    with receiving(tmp_path, RECEIVE_CALLERS="CT1") as receiver:
        for _ in range(40):
            with associated(receiver.port, calling="STRANGER") as association:
                assert not association.is_established
        assert sends(receiver.port, slice_, calling="CT1") == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "[2001:db8::1]", "no-such.invalid"])
@pytest.mark.parametrize("variable", ["RECEIVE_HOST", "RECEIVE_PUBLISHED_HOST"])
def test_a_public_address_needs_a_list_of_callers(tmp_path, variable, host):
    said = refusal(tmp_path, **{variable: host})
    assert said.count("\n") <= 2
    assert "Traceback" not in said
    assert f"other machines can send to {host}, and RECEIVE_CALLERS is not set" in said
    assert "set RECEIVE_CALLERS to the AE titles that may send" in said
    assert not (tmp_path / "inbox").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"])
def test_a_container_published_on_this_machine_starts_as_before(tmp_path, slice_, host):
    inside = {"RECEIVE_HOST": "0.0.0.0", "RECEIVE_PUBLISHED_HOST": host}
    with receiving(tmp_path, **inside) as receiver:
        assert sends(receiver.port, slice_) == 0
        assert healthy(receiver, **inside)


def test_a_public_address_with_a_list_starts(tmp_path, slice_):
    with receiving(tmp_path, RECEIVE_HOST="0.0.0.0", RECEIVE_CALLERS="CT1") as receiver:
        assert sends(receiver.port, slice_, calling="CT1") == 0
        assert sends(receiver.port, slice_, calling="CT2") == -1


@pytest.mark.parametrize("variable", ["RECEIVE_CALLERS", "RECEIVE_AE_TITLE"])
@pytest.mark.parametrize("title", ["A" * 17, "back\\slash", "\u00e4"])
def test_what_is_not_an_ae_title(tmp_path, variable, title):
    said = refusal(tmp_path, **{variable: title})
    assert f"{variable} holds {title!r}, which is not an AE title" in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("ours"), ["localhost"])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("theirs"), ["scanner"])


def client(trusts, shows=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusts[0])
    context.check_hostname = False
    if shows:
        context.load_cert_chain(*shows)
    return context


def variables(ours, **more) -> dict[str, str]:
    files = {"RECEIVE_TLS_CERTIFICATE": str(ours[0]), "RECEIVE_TLS_KEY": str(ours[1])}
    return {**files, **more}


def test_tls(tmp_path, slice_, ours):
    with receiving(tmp_path, **variables(ours)) as receiver:
        silent = [receiver.connect() for _ in range(20)]
        assert sends(receiver.port, slice_, tls=client(ours)) == 0
        assert sends(receiver.port, slice_) == -1
        assert healthy(receiver, **variables(ours))
        for each in silent:
            each.close()
        assert "with TLS" in receiver.said()
        assert "Traceback" not in receiver.said()
    assert len(receiver.files()) == 1


def test_tls_that_asks_senders_for_a_certificate(tmp_path, slice_, ours, theirs):
    settings = variables(ours, RECEIVE_TLS_CLIENT_CA=str(theirs[0]))
    with receiving(tmp_path, **settings) as receiver:
        assert sends(receiver.port, slice_, tls=client(ours)) == -1
        assert sends(receiver.port, slice_, tls=client(ours, shows=ours)) == -1
        assert receiver.files() == []
        assert sends(receiver.port, slice_, tls=client(ours, shows=theirs)) == 0
        assert healthy(receiver, **settings)
        assert "no TLS with 127.0.0.1" in receiver.said()
        assert "Traceback" not in receiver.said()


def test_key_and_certificate_in_one_file(tmp_path, slice_, ours):
    both = tmp_path / "both.pem"
    both.write_bytes(ours[0].read_bytes() + ours[1].read_bytes())
    with receiving(tmp_path, RECEIVE_TLS_CERTIFICATE=str(both)) as receiver:
        assert sends(receiver.port, slice_, tls=client(ours)) == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"RECEIVE_TLS_CERTIFICATE": "/not/there.pem"}, "No such file"),
        ({"RECEIVE_TLS_CERTIFICATE": "/etc/hostname"}, "cannot be used"),
        ({"RECEIVE_TLS_KEY": "/etc/hostname"}, "cannot be used"),
        ({"RECEIVE_TLS_CLIENT_CA": "/not/there.pem"}, "RECEIVE_TLS_CLIENT_CA cannot be used"),
        ({"RECEIVE_TLS_CERTIFICATE": ""}, "RECEIVE_TLS_KEY is set, and RECEIVE_TLS_CERTIFICATE"),
    ],
)
def test_files_of_tls_that_cannot_be_used(tmp_path, ours, changed, words):
    said = refusal(tmp_path, **variables(ours, **changed))
    assert words in said
    assert "Traceback" not in said


def test_a_key_with_a_password_asks_nobody(tmp_path, ours):
    locked = tmp_path / "locked.pem"
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:secret"]
    subprocess.run([*command, "-in", ours[1], "-out", locked], check=True, capture_output=True)
    said = refusal(tmp_path, **variables(ours, RECEIVE_TLS_KEY=str(locked)))
    assert "the key without a password" in said


def test_compose_hands_in_the_address_at_which_it_publishes():
    receiver = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"][
        "receiver"
    ]
    environment = receiver["environment"]
    (published,) = receiver["ports"]
    assert environment["RECEIVE_PUBLISHED_HOST"] == "${RECEIVE_HOST:-127.0.0.1}"
    assert published.startswith(environment["RECEIVE_PUBLISHED_HOST"] + ":")
    # Set in the container only where the user has set them: the called title is checked then.
    assert environment["RECEIVE_CALLERS"] is None
    assert environment["RECEIVE_AE_TITLE"] is None
