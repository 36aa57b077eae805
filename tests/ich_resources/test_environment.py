"""Folders and numbers from the run configuration, else from the environment."""

from pathlib import Path

import pytest

from ich_resources.environment import BACKEND, backend, folder, whole_number
from ich_resources.errors import IchError

NAME = "ICH_TEST_VARIABLE"
FIELD = "resources.dicom.config.input_dir"


@pytest.mark.parametrize(
    ("configured", "variable", "expected"),
    [
        ("auto", "", "auto"),
        ("auto", "pytorch", "pytorch"),
        ("openvino", "pytorch", "openvino"),
    ],
)
def test_the_back_end_of_the_configuration_wins(monkeypatch, configured, variable, expected):
    monkeypatch.setenv(BACKEND, variable)
    assert backend(configured) == expected
    monkeypatch.setenv(BACKEND, "tensorflow")
    assert backend("pytorch") == "pytorch"
    with pytest.raises(IchError, match="set it to auto, pytorch or openvino"):
        backend("auto")


def test_configuration_wins(monkeypatch, tmp_path):
    monkeypatch.setenv(NAME, "/from/environment")
    assert folder(str(tmp_path), NAME, FIELD) == tmp_path


def test_environment_where_the_configuration_is_open(monkeypatch):
    monkeypatch.setenv(NAME, "/from/environment")
    assert folder("", NAME, FIELD) == Path("/from/environment")


@pytest.mark.parametrize(
    ("text", "expected"), [("~/scans", Path.home() / "scans"), ("scans", Path.cwd() / "scans")]
)
def test_folder_is_absolute(monkeypatch, text, expected):
    monkeypatch.setenv(NAME, text)
    assert folder("", NAME, FIELD) == expected


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_folder_names_both_ways_to_give_one(monkeypatch, value):
    monkeypatch.delenv(NAME, raising=False)
    if value is not None:
        monkeypatch.setenv(NAME, value)
    with pytest.raises(IchError) as caught:
        folder("", NAME, FIELD)
    assert NAME in str(caught.value) and FIELD in str(caught.value)


@pytest.mark.parametrize(
    ("configured", "value", "expected"),
    [
        (None, None, None),
        (None, "", None),
        (None, " 3 ", 3),
        (2, "3", 2),
        (2, None, 2),
        (2, "nonsense", 2),
    ],
)
def test_whole_number(monkeypatch, configured, value, expected):
    monkeypatch.delenv(NAME, raising=False)
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert whole_number(configured, NAME, 9) == expected


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "two", "1 2", "²"])
def test_what_is_no_whole_number(monkeypatch, value):
    monkeypatch.setenv(NAME, value)
    with pytest.raises(IchError, match=f"{NAME} is .*whole number from 1"):
        whole_number(None, NAME, 9)
