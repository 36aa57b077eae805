"""The settings of the monitor."""

import pytest

from ich_resources.errors import IchError
from ich_resources.monitor.settings import Address, Hooks, settings


@pytest.fixture(autouse=True)
def root(monkeypatch, tmp_path):
    for name in ("DICOM_INBOX", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUN_ROOT", str(tmp_path))
    return tmp_path


def test_where_nothing_is_set_it_listens_on_this_machine_and_tells_nobody(root):
    found = settings()
    assert (found.host, found.port) == ("127.0.0.1", 9808)
    assert (found.webserver, found.code_server, found.receiver) == (
        "http://127.0.0.1:3000",
        None,
        None,
    )
    assert (found.disks, found.hooks) == ({"run_root": root}, Hooks())
    assert (found.stalled_s, found.waiting_s, found.free_bytes) == (300, 1800, 5 * 10**9)


def test_everything_set(monkeypatch, tmp_path):
    for name, value in {
        "DICOM_INBOX": str(tmp_path / "in"),
        "MONITOR_WEBSERVER": "off",
        "MONITOR_CODE_SERVER": "code:4000",
        "MONITOR_RECEIVER": "[::1]:104",
        "RECEIVE_CALLERS": "CT1, PACS",
        "HOOK_COMMAND": "mail -s 'a b' me",
        "HOOK_URL": "https://example.org/x",
        "HOOK_TOKEN": "t",
        "HOOK_THRESHOLD": "0",
    }.items():
        monkeypatch.setenv(name, value)
    found = settings()
    assert (found.webserver, found.code_server) == ("", Address("code", 4000))
    assert (found.receiver.address, found.receiver.caller) == (Address("::1", 104), "CT1")
    assert list(found.disks) == ["run_root", "inbox"]
    command = ("mail", "-s", "a b", "me")
    assert found.hooks == Hooks(command, "https://example.org/x", "t", 0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONITOR_PORT", "x"),
        ("MONITOR_WEBSERVER", "localhost:3000"),
        ("MONITOR_CODE_SERVER", "code"),
        ("MONITOR_RECEIVER", "host:99999"),
        ("MONITOR_STALLED_SECONDS", "nan"),
        ("MONITOR_FREE_GB", "-1"),
        ("HOOK_URL", "file:///s3cret"),
        ("HOOK_COMMAND", "say 'it"),
        ("HOOK_THRESHOLD", "1.5"),
    ],
)
def test_what_is_wrong_is_one_sentence_without_secrets(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(IchError, match=name) as caught:
        settings()
    assert "s3cret" not in str(caught.value)
