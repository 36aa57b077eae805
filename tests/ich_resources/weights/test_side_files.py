"""Side files through the real gdown, against a stand-in for Google's hosts, and from a folder."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from google_drive import HOSTS, Drive
from release import packed
from tls import internet

from ich_resources.errors import FetchError, IchError
from ich_resources.weights.drive import GoogleDrive
from ich_resources.weights.release import SIDE_FILES
from ich_resources.weights.resource import WeightsResource
from ich_resources.weights.share import Share
from ich_resources.weights.side_files import fetch_side_files

LISTS = {
    "data/fold_5_by_study/fold0/train.txt": b"ID_a\nID_b\n",
    "data/stage1_train_cls.csv": b"filename\n",
}
TABLES = {"one.csv": b"1\n", "two/three.csv": b"3\n"}


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("data")
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


@pytest.fixture
def drive(tmp_path, monkeypatch):
    pytest.importorskip("gdown")
    answer = Drive(
        {SIDE_FILES["data"].drive_id: zipped(LISTS), SIDE_FILES["csv"].drive_id: packed(TABLES)}
    )
    (tmp_path / "tls").mkdir()
    with internet(tmp_path / "tls", HOSTS, answer) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield answer


def test_each_archive_becomes_a_folder_and_is_fetched_once(tmp_path, drive):
    said, folder = [], tmp_path / "side"
    outcome = fetch_side_files(folder, ["data", "csv"], GoogleDrive(), said.append)
    assert outcome == {"data": "fetched", "csv": "fetched"}
    assert files(folder) == LISTS | {f"csv/{name}": text for name, text in TABLES.items()}
    assert "data: 2 files from data.zip; no SHA-256 was stated" in said
    asked = set(drive.asked)
    drive.asked.clear()
    assert asked == {SIDE_FILES["data"].drive_id, SIDE_FILES["csv"].drive_id}
    (folder / "data" / "stage1_train_cls.csv").write_bytes(b"mine")
    outcome = fetch_side_files(folder, ["data"], GoogleDrive(), said.append)
    assert outcome == {"data": "kept"} and not drive.asked
    assert (folder / "data" / "stage1_train_cls.csv").read_bytes() == b"mine"


def test_what_google_refuses_is_placed_by_hand_and_what_was_fetched_stays(tmp_path, drive):
    folder = tmp_path / "side"
    with pytest.raises(FetchError, match="Too many users have viewed") as caught:
        fetch_side_files(folder, ["data", "features"], GoogleDrive(), print)
    assert caught.value.path.endswith(SIDE_FILES["features"].drive_id)
    assert f"unpack features.zip into {folder / 'features'}" in caught.value.remedy
    assert files(folder) == LISTS
    (folder / "features").mkdir()  # as a person does
    outcome = fetch_side_files(folder, ["data", "features"], GoogleDrive(), print)
    assert set(outcome.values()) == {"kept"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>a login page</html>", "is not an archive"),
        (zipped(LISTS)[:-40], "damaged"),
        (packed({"../outside.txt": b"x"}), "leads out of the folder"),
        (packed({"/outside.txt": b"x"}), "leads out of the folder"),
        (packed({"a/b": b"x", "a//b": b"y"}), "occurs twice"),
        (packed({"a": b"x", "a/b": b"y"}), "cannot write"),
        (packed({}), "is empty"),
    ],
    ids=["page", "cut", "upwards", "absolute", "twice", "file and folder", "empty"],
)
def test_an_archive_that_cannot_be_trusted_leaves_nothing(tmp_path, content, words):
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "data.zip").write_bytes(content)
    with pytest.raises(FetchError, match=words):
        fetch_side_files(tmp_path / "side", ["data"], Share(tmp_path / "share"), print)
    assert {name for name in files(tmp_path) if not name.startswith("side/.fetch/data.zip")} == {
        "share/data.zip"
    }
    (tmp_path / "share" / "data.zip").write_bytes(zipped(LISTS))
    fetch_side_files(tmp_path / "side", ["data"], Share(tmp_path / "share"), print)
    assert files(tmp_path / "side") == LISTS


def test_a_folder_that_cannot_be_written_is_told_by_the_setting_that_names_it(tmp_path):
    (tmp_path / "side").write_text("a file")
    with pytest.raises(FetchError, match="choose another TRAIN_ROOT"):
        fetch_side_files(tmp_path / "side", ["data"], Share(tmp_path), print)


def test_the_resource_takes_a_folder_and_names_what_there_is(tmp_path):
    (tmp_path / "csv.zip").write_bytes(packed(TABLES))
    weights = WeightsResource(base_url=os.fspath(tmp_path))
    assert weights.fetch_side_files(tmp_path / "side", ["csv"], print) == {"csv": "fetched"}
    assert files(tmp_path / "side") == {f"csv/{name}": text for name, text in TABLES.items()}
    for names in ([], ["data", "weights"]):
        with pytest.raises(IchError, match="choose from data, csv, features"):
            weights.fetch_side_files(tmp_path / "side", names, print)
