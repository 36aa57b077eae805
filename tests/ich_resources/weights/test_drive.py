"""Google Drive through the real gdown, against a stand-in for Google's hosts behind a proxy."""

import pytest
from fetching import ALL, expected_checkpoints
from release import small_release
from tls import Reply, internet

from ich_resources.errors import FetchError
from ich_resources.weights.drive import GoogleDrive
from ich_resources.weights.release import ARCHIVES, DRIVE_IDS, UNREACHABLE

pytest.importorskip("gdown")

HOSTS = ["drive.google.com", "drive.usercontent.google.com"]
HTML = {"Content-Type": "text/html; charset=utf-8"}
FORM = (
    '<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">'
    '<input type="hidden" name="id" value="{id}"><input type="hidden" name="confirm" value="t">'
    "</form>"
)


class Drive:
    """Large files, each behind the page that warns that it was not scanned for viruses."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.breaks: list[int] = []
        self.ranges: list[str] = []

    def __call__(self, host, path, query, headers) -> Reply:
        (number,) = query["id"]
        if number not in self.files:
            return Reply(
                b'<p class="uc-error-subcaption">Too many users have viewed it.</p>', 200, HTML
            )
        if host == HOSTS[0]:
            return Reply(FORM.format(id=number).encode(), headers=HTML)
        content = self.files[number]
        told = {"Content-Type": "application/octet-stream", "ETag": '"one"'}
        told |= {"Content-Disposition": 'attachment; filename="weights.tar.gz"'}
        start = 0
        if asked := headers.get("Range"):
            self.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            told["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.breaks.pop(0) if self.breaks else None
        return Reply(content[start:], 206 if start else 200, told, cut)


@pytest.fixture
def drive(tmp_path, monkeypatch):
    assets = small_release()
    files = {DRIVE_IDS[b.name]: assets[ARCHIVES[b.name]] for b in ALL}
    answer = Drive(files)
    (tmp_path / "tls").mkdir()
    with internet(tmp_path / "tls", HOSTS, answer) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield answer


def test_archives_are_unpacked_and_not_pinned(site, drive):
    assert set(site.fetch(GoogleDrive()).values()) == {"fetched"}
    assert site.checkpoints() == expected_checkpoints()
    assert "checkpoints.sha256" not in site.files()
    assert sum("no SHA-256 was stated" in line for line in site.said) == 3
    assert set(site.fetch(GoogleDrive()).values()) == {"unknown"}


def test_a_broken_connection_is_continued(site, drive):
    size = 300_000  # gdown writes half a megabyte at once
    drive.files[DRIVE_IDS[ALL[0].name]] = small_release(size)[ARCHIVES[ALL[0].name]]
    drive.breaks = [1_200_000]
    site.fetch(GoogleDrive(retries=2), backbones=ALL[:1])
    assert len(drive.ranges) == 1 and drive.ranges[0] != "bytes=0-"
    expected = expected_checkpoints(size)
    assert site.checkpoints() == {k: v for k, v in expected.items() if ALL[0].folder in k}


def test_a_limit_of_google_is_told(site, drive):
    drive.files.clear()
    with pytest.raises(FetchError, match="Too many users have viewed") as caught:
        site.fetch(GoogleDrive())
    assert caught.value.path.endswith(DRIVE_IDS[ALL[0].name])
    assert "by hand" in caught.value.remedy
    assert site.files() == {}


def test_a_single_checkpoint_is_no_archive(site, drive):
    drive.files[DRIVE_IDS[ALL[0].name]] = b"PK\x03\x04 not a whole zip"
    with pytest.raises(FetchError, match="damaged, or none"):
        site.fetch(GoogleDrive())
    assert site.checkpoints() == {}


def test_no_way_to_google(site, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(FetchError, match="cannot be reached") as caught:
        site.fetch(GoogleDrive(retries=0))
    assert caught.value.code == UNREACHABLE
    assert f"{site.folder / ALL[0].folder}/model_epoch_best_0.pth" in str(caught.value)
    assert site.files() == {}
