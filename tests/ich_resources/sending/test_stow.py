"""STOW-RS to an archive that fails in each way."""

import logging
import time

import pytest
from archive import archive
from certificates import authority, signed
from dicom_objects import write_objects
from live import free_port
from pacs import server_tls
from sender import send_files

from ich_resources.errors import SendError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_no_sockets_of_servers")]
OK = ("accepted", "HTTP 200")
SECRET = "Zaphod:beeble-brox-42"


def at(url, **options):
    return {"kind": "dicomweb", "url": url, **options}


def test_the_bytes_of_the_files_arrive_with_the_credentials(files, tmp_path, monkeypatch):
    monkeypatch.setenv("ARCHIVE_LOGIN", SECRET)
    large = write_objects(tmp_path / "large", 4, size=2000)[3:]
    with archive() as there:
        said = send_files([*files, *large], **at(there.url, credentials="env:ARCHIVE_LOGIN"))
    assert said == ("", [OK] * 4)
    assert there.content == {path.stem: path.read_bytes() for path, _ in (*files, *large)}
    assert {h["Authorization"] for h in there.headers} == {"Basic WmFwaG9kOmJlZWJsZS1icm94LTQy"}
    assert {h["Host"] for h in there.headers} == {f"127.0.0.1:{there.port}"}


@pytest.mark.parametrize(
    ("answer", "answers", "why"),
    [
        ((429, -1), [("passing", "HTTP 429")] * 2, "HTTP 429"),
        ((503, -1), [("passing", "HTTP 503")] * 2, "HTTP 503"),
        ((409, 0xA700), [("passing", "0xA700")] * 2, "0xA700"),
        ((409, 0xC000), [("refused", "0xC000")] * 3, ""),
        ((202, 0x0122), [("refused", "0x0122")] * 3, ""),
        ((409, 0x0111), [("accepted", "0x0111")] * 3, ""),
        ((400, -1), [("refused", "HTTP 400")] * 3, ""),
        ((200, -1), [("refused", "HTTP 200")] * 3, ""),
        ((401, -1), [], "credentials"),
        ((302, -1), [], "another address"),
        ((0, -1), [], "broke off"),
    ],
)
def test_kinds_of_failure(files, answer, answers, why):
    with archive(answer=lambda _: answer) as there:
        said, got = send_files(files, **at(there.url))
    assert got == answers
    assert why in said if why else said == ""


def test_a_server_that_can_again_gets_the_rest(files):
    with archive(answer=lambda n: (503, -1) if n == 2 else (200, 0)) as there:
        assert send_files(files, **at(there.url)) == ("", [OK, ("passing", "HTTP 503"), OK, OK])


def test_a_page_in_place_of_an_answer_is_not_success(files):
    with archive(body=b"<html>Please log in</html>") as there:
        said = send_files(files, **at(there.url))
    assert said == ("", [("refused", "HTTP 200")] * 3)


def test_a_frozen_server_and_a_closed_port_cost_bounded_time(files):
    begun = time.monotonic()
    with archive(frozen=True) as there:
        said, got = send_files(files, timeout_s=2, **at(there.url))
    assert got == [] and "did not answer" in said
    said, got = send_files(files, **at(f"http://127.0.0.1:{free_port()}/dicom-web"))
    assert got == [] and "no connection" in said
    assert time.monotonic() - begun < 20


def test_tls_trusts_the_configured_authority_alone(files, tmp_path, monkeypatch):
    ca, other = authority(tmp_path / "ca", "ours"), authority(tmp_path / "other", "other")
    server, client = signed(ca, tmp_path, "127.0.0.1"), signed(ca, tmp_path, "us")
    # A variable of the machine must not take the place of the configured file.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.certificate))
    ours = {"certificate": str(client.certificate), "key": str(client.key)}
    with archive(tls=server_tls(server, ca)) as there:
        url = there.url.replace("http:", "https:")
        tls = {"ca": str(ca.certificate), **ours}
        assert send_files(files, **at(url, tls=tls)) == ("", [OK] * 3)
        said, got = send_files(files, **at(url, tls=tls | {"ca": str(other.certificate)}))
        assert got == [] and "not trusted" in said


def test_secrets_are_in_no_error_log_or_configuration(files, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ARCHIVE_LOGIN", SECRET)
    monkeypatch.setenv("ARCHIVE_URL", "http://127.0.0.1:9/secret-path-77")
    monkeypatch.setenv("ARCHIVE_PROXY", f"http://{SECRET}@127.0.0.1:{free_port()}")
    options = {"credentials": "env:ARCHIVE_LOGIN", "proxy": "env:ARCHIVE_PROXY"}
    texts = [str(send_files(files, **at("env:ARCHIVE_URL", **options)))]
    assert "proxy" in texts[0]
    for wrong in (
        {"url": f"http://{SECRET}@127.0.0.1/x"},
        {"url": f"ftp://{SECRET}@127.0.0.1/x"},
        {"url": "http://127.0.0.1/x", "credentials": SECRET},
        {"url": "http://127.0.0.1/x", "credentials": "env:NOT_SET_77"},
        {"url": "http://127.0.0.1/x", "credentials": "file:/not/there"},
        {"url": "http://127.0.0.1/x", "password": SECRET},
    ):
        with pytest.raises(SendError) as raised:
            send_files(files, kind="dicomweb", **wrong)
        texts.append(f"{raised.value} {raised.value.__cause__} {raised.value.__context__}")
    texts += [caplog.text, *capfd.readouterr()]
    for secret in ("beeble-brox", "secret-path-77", "Zaphod"):
        assert not [text for text in texts if secret in text]
