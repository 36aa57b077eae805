"""LIVE_CONFIG: one file for the sensor and its runs, and what is wrong with it is said."""

import pytest

from ich_assets.sensors.live_config import configured, live_config
from ich_resources.errors import IchError
from ich_resources.inbox.resource import InboxResource

GOOD = """\
resources:
  inbox: {config: {quiet_seconds: 5, single_runs: 0}}
  networks: {config: {max_folds_per_backbone: 1}}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the file that LIVE_CONFIG names."""

    def write(content):
        path = tmp_path / "live.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setenv("LIVE_CONFIG", str(path))
        return path

    return write


@pytest.mark.parametrize("value", [None, "", "  "])
def test_unset_changes_nothing(monkeypatch, value):
    monkeypatch.delenv("LIVE_CONFIG", raising=False)
    if value is not None:
        monkeypatch.setenv("LIVE_CONFIG", value)
    assert live_config() == {}
    inbox = InboxResource(inbox_dir="/in", quiet_seconds=7.0)
    assert configured(inbox, "inbox", live_config()) == inbox


def test_a_good_file(write):
    write(GOOD)
    config = live_config()
    assert config == {
        "resources": {
            "inbox": {"config": {"quiet_seconds": 5, "single_runs": 0}},
            "networks": {"config": {"max_folds_per_backbone": 1}},
        }
    }
    found = configured(InboxResource(inbox_dir="/in", single_runs=9), "inbox", config)
    assert found == InboxResource(inbox_dir="/in", quiet_seconds=5.0, single_runs=0)
    assert isinstance(found, InboxResource)


def test_a_home_folder_is_found(write, monkeypatch):
    path = write(GOOD)
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("LIVE_CONFIG", f" ~/{path.name} ")
    assert set(live_config()["resources"]) == {"inbox", "networks"}


@pytest.mark.parametrize(
    "text",
    [
        "resources:",
        "resources: {}",
        "resources: {inbox:}",
        "resources: {inbox: {config:}}",
        "resources: {inbox: {config: {}}}",
    ],
)
def test_what_is_left_out_stays_as_it_is(write, text):
    write(text)
    inbox = InboxResource(quiet_seconds=7.0)
    assert configured(inbox, "inbox", live_config()) == inbox


def test_unknown_fields_are_named(write):
    write("resources: {inbox: {config: {quiet_second: 5, quiet_seconds: 5, another: 1}}}")
    with pytest.raises(IchError, match="inbox has no field another, quiet_second ") as caught:
        configured(InboxResource(), "inbox", live_config())
    assert "run.example.yaml" in caught.value.remedy


@pytest.mark.parametrize("value", ["soon", "-1", ".nan", "[5]", "null"])
def test_a_wrong_value_names_its_field(write, value):
    write(f"resources: {{inbox: {{config: {{quiet_seconds: {value}}}}}}}")
    with pytest.raises(
        IchError, match=r"LIVE_CONFIG: resources.inbox, field quiet_seconds: \w+"
    ) as caught:
        configured(InboxResource(), "inbox", live_config())
    assert caught.value.remedy


@pytest.mark.parametrize(
    "content", ["resources: [", "a: b: c", "\tresources:", b"resources: {inbox: \xff}", b"\x00"]
)
def test_a_file_that_is_no_yaml(write, content):
    path = write(content)
    with pytest.raises(IchError, match="cannot be read") as caught:
        live_config()
    assert caught.value.path == path
    assert "unset LIVE_CONFIG" in caught.value.remedy


def test_a_file_that_is_missing(write):
    path = write(GOOD)
    path.unlink()
    with pytest.raises(IchError, match="cannot be read.*No such file") as caught:
        live_config()
    assert caught.value.path == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resources",
        "[resources]",
        "{}",
        "ops: {}",
        "{resources: {}, ops: {}}",
        "resources: x",
        "resources: {inbx: {config: {}}}",
        "resources: {inbox: 5}",
        "resources: {inbox: {config: 5}}",
        "resources: {inbox: {quiet_seconds: 5}}",
        "resources: {inbox: {config: {5: 1, x: 1}}}",
    ],
)
def test_a_file_that_holds_something_else_than_resources(write, text):
    path = write(text)
    with pytest.raises(IchError, match="LIVE_CONFIG cannot be read") as caught:
        live_config()
    assert caught.value.path == path
