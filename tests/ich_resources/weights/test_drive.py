"""Google Drive through the real gdown, against a stand-in for Google's hosts behind a proxy."""

import pytest
from fetching import ALL, expected_checkpoints
from google_drive import HOSTS, Drive
from release import packed, sha256, small_fold, small_release
from tls import internet

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.table import FOLDS, checkpoint_name
from ich_resources.errors import FetchError
from ich_resources.weights.drive import GoogleDrive
from ich_resources.weights.release import ARCHIVES, DRIVE_IDS, UNREACHABLE

pytest.importorskip("gdown")

FIRST = f"{ALL[0].folder}/{checkpoint_name(0)}"


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


def _with_other_folds(*good: int) -> bytes:
    """The first archive, but only these folds are as in the release."""
    return packed(
        {
            checkpoint_name(fold): small_fold(ALL[0], fold) if fold in good else b"another"
            for fold in range(FOLDS)
        }
    )


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_only_a_bad_file_is_taken_and_what_is_pinned_stays(site, drive, source, server, harm):
    site.fetch(source())
    before = site.files()
    if harm == "missing":
        (site.folder / FIRST).unlink()
    else:
        (site.folder / FIRST).write_bytes(b"harmed")
    drive.files[DRIVE_IDS[ALL[0].name]] = _with_other_folds(0)
    outcome = site.fetch(GoogleDrive())
    assert outcome == {ALL[0].name: "fetched"} | {b.name: "kept" for b in ALL[1:]}
    assert drive.asked == {DRIVE_IDS[ALL[0].name]}
    assert site.files() == before  # fetched.json and the pins too
    server.asked.clear()
    assert set(site.fetch(source()).values()) == {"kept"}
    assert server.asked == []


def test_a_file_that_is_not_as_pinned_is_not_taken(site, drive, source):
    site.fetch(source())
    (site.folder / FIRST).unlink()
    before = site.files()
    drive.files[DRIVE_IDS[ALL[0].name]] = _with_other_folds(1, 2, 3, 4)
    with pytest.raises(FetchError, match=r"checkpoints\.sha256 has"):
        site.fetch(GoogleDrive())
    assert {k: v for k, v in site.files().items() if ".fetch/" not in k} == before


def test_files_placed_by_hand_stay_beside_one_that_is_fetched(site, drive):
    for name in list(expected_checkpoints())[1:]:
        (site.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / name).write_bytes(b"placed by hand")
    assert site.fetch(GoogleDrive())[ALL[0].name] == "fetched"
    expected = dict.fromkeys(expected_checkpoints(), b"placed by hand")
    assert site.checkpoints() == expected | {FIRST: small_fold(ALL[0], 0)}


def test_force_replaces_what_is_pinned_and_takes_its_pin_away(site, drive, source):
    site.fetch(source())
    drive.files[DRIVE_IDS[ALL[0].name]] = _with_other_folds(1, 2, 3, 4)
    site.fetch(GoogleDrive(), force=True)
    assert site.checkpoints()[FIRST] == b"another"
    pins = (site.folder / DIGESTS_FILE).read_text()
    assert FIRST not in pins and sha256(small_fold(ALL[0], 1)) in pins
    # The files of the others are those of the release; this one is asked for again.
    outcome = site.fetch(source())
    assert outcome == {ALL[0].name: "fetched"} | {b.name: "kept" for b in ALL[1:]}
    assert site.checkpoints() == expected_checkpoints()


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
    with pytest.raises(FetchError, match="damaged, or the file is not an archive"):
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
