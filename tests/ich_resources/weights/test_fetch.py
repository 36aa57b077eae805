"""Fetching a small release from a real server: what is missing, once, and only what is right."""

import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fetching import ALL, Site, expected_checkpoints
from release import REPOSITORY, TAG, packed, public, sha256, small_fold, stated

from ich_resources.backbones.checkpoint import find_checkpoints
from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.table import checkpoint_name
from ich_resources.errors import FetchError
from ich_resources.weights.fetch import WORK_FOLDER
from ich_resources.weights.installed import FETCHED_FILE
from ich_resources.weights.release import ARCHIVES, DIGESTS

BACKBONE = ALL[0]
ARCHIVE = ARCHIVES[BACKBONE.name]
BASE = f"/{REPOSITORY}/releases/download/{TAG}"
FIRST = f"{BACKBONE.folder}/{checkpoint_name(0)}"


def test_a_release_comes_whole_and_pinned(site, source):
    assert set(site.fetch(source()).values()) == {"fetched"}
    assert site.checkpoints() == expected_checkpoints()
    assert set(site.files()) - set(site.checkpoints()) == {DIGESTS_FILE, FETCHED_FILE}
    for backbone in ALL:
        assert all(file.expected for file in find_checkpoints(site.folder, backbone, None))
    assert not site.warned


def test_what_is_there_and_right_asks_nothing_of_the_server(site, source, server):
    site.fetch(source())
    server.asked.clear()
    assert set(site.fetch(source()).values()) == {"kept"}
    assert server.asked == []


def test_force_fetches_all_of_it_again(site, source, server):
    site.fetch(source())
    before = {path: path.stat().st_ino for path in site.folder.rglob("*.pth")}
    server.asked.clear()
    assert set(site.fetch(source(), force=True).values()) == {"fetched"}
    assert len(server.asked) == 4
    assert not any(path.stat().st_ino == inode for path, inode in before.items())
    assert site.checkpoints() == expected_checkpoints()


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_one_bad_file_fetches_its_archive_alone(site, source, server, harm):
    site.fetch(source())
    path = site.folder / FIRST
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(b"x" * path.stat().st_size)
    server.asked.clear()
    outcome = site.fetch(source())
    assert [asked.path.rpartition("/")[2] for asked in server.asked] == [DIGESTS, ARCHIVE]
    assert outcome[BACKBONE.name] == "fetched"
    assert site.checkpoints() == expected_checkpoints()
    assert bool(site.warned) is (harm == "damaged")


def test_files_that_nobody_has_pinned_are_left_alone_with_a_warning(site, source, server):
    for name in expected_checkpoints():
        (site.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / name).write_bytes(b"placed by hand")
    assert set(site.fetch(source()).values()) == {"unknown"}
    assert server.asked == []
    assert set(site.checkpoints().values()) == {b"placed by hand"}
    assert len(site.warned) == 3
    assert "force" in site.warned[0]
    site.fetch(source(), force=True)
    assert site.checkpoints() == expected_checkpoints()


def test_only_the_chosen_backbones_and_folds_need_be_there(site, source, server):
    one = BACKBONE, ALL[2]
    name = ARCHIVES[ALL[2].name]
    few = packed({f"se_resnext101_32x4d_256/{checkpoint_name(0)}": small_fold(ALL[2], 0)})
    server.files[f"{BASE}/{name}"] = few
    assets = {name: few, ARCHIVE: server.files[f"{BASE}/{ARCHIVE}"]}
    server.files[f"{BASE}/{DIGESTS}"] = stated(assets)
    with pytest.raises(FetchError, match=r"lacks model_epoch_best_1\.pth"):
        site.fetch(source(), backbones=one)
    assert len(site.checkpoints()) == 5  # what came before stays
    assert site.fetch(source(), backbones=one, folds=[0])[ALL[2].name] == "fetched"
    assert len(site.checkpoints()) == 6


def test_a_wrong_checksum_unpacks_nothing_and_the_file_goes(site, source, server):
    server.files[f"{BASE}/{ARCHIVE}"] = packed({FIRST: b"something else"})
    with pytest.raises(FetchError, match="the release states") as caught:
        site.fetch(source())
    assert sha256(server.files[f"{BASE}/{ARCHIVE}"])[:12] in str(caught.value)
    assert site.files() == {}
    assert not (site.folder / BACKBONE.folder).exists()


def test_an_archive_that_ends_early_leaves_what_was_there(site, source, server, assets):
    site.fetch(source())
    cut = assets | {ARCHIVE: assets[ARCHIVE][:-60_000]}
    public(server, cut | {DIGESTS: stated(cut)})
    with pytest.raises(FetchError, match="archive is damaged"):
        site.fetch(source(), force=True)
    assert site.checkpoints() == expected_checkpoints()


def test_digests_of_single_files_count_too(site, source, server, assets):
    lines = f"{sha256(b'another')}  ./2DNet/DenseNet121_change_avg_512/{checkpoint_name(3)}\n"
    server.files[f"{BASE}/{DIGESTS}"] = assets[DIGESTS] + lines.encode()
    with pytest.raises(FetchError, match=r"best_3\.pth: SHA-256 is .* the release states"):
        site.fetch(source())
    assert site.checkpoints() == {}


@pytest.mark.parametrize("text", [b"<html>Sign in</html>", b"", b"abc  " + ARCHIVE.encode()])
def test_a_text_without_digests_stops_all(site, source, server, text):
    server.files[f"{BASE}/{DIGESTS}"] = text
    with pytest.raises(FetchError, match=f"states no SHA-256 of {ARCHIVE}"):
        site.fetch(source())
    assert [asked.path.rpartition("/")[2] for asked in server.asked] == [DIGESTS]


def test_a_digest_pinned_by_hand_is_not_overruled(site, source):
    site.folder.mkdir()
    pins = f"{sha256(b'mine')}  {FIRST}\n"
    (site.folder / DIGESTS_FILE).write_text(pins)
    with pytest.raises(FetchError, match=r"checkpoints\.sha256 has") as caught:
        site.fetch(source())
    assert "force" in caught.value.remedy
    assert site.checkpoints() == {}
    assert (site.folder / DIGESTS_FILE).read_text() == pins
    site.fetch(source(), force=True)
    assert site.checkpoints() == expected_checkpoints()


def test_digests_of_other_files_stay_pinned(site, source):
    site.folder.mkdir()
    other = f"{sha256(b'other')}  2DNet/another/model.pth\n"
    (site.folder / DIGESTS_FILE).write_text(other)
    site.fetch(source())
    text = (site.folder / DIGESTS_FILE).read_text()
    assert other in text and text.count("\n") == 16


def test_another_release_replaces_what_differs_from_it(site, source, server, assets):
    site.fetch(source())
    new = packed({checkpoint_name(fold): b"new %d" % fold for fold in range(5)})
    changed = assets | {ARCHIVE: new}
    public(server, changed | {DIGESTS: stated(changed)})
    server.asked.clear()
    outcome = site.fetch(source(), tag="v2")
    assert outcome == {BACKBONE.name: "fetched"} | {b.name: "kept" for b in ALL[1:]}
    assert [asked.path.rpartition("/")[2] for asked in server.asked] == [DIGESTS, ARCHIVE]
    assert site.checkpoints()[FIRST] == b"new 0"
    origins = json.loads((site.folder / FETCHED_FILE).read_text())
    assert {entry["release"] for entry in origins.values()} == {f"{REPOSITORY}@v2"}
    server.asked.clear()
    assert set(site.fetch(source(), tag="v2").values()) == {"kept"}
    assert server.asked == []


def test_killed_between_digests_and_files_the_next_run_puts_it_right(site, source, server):
    site.fetch(source())
    path = site.folder / FIRST
    path.write_bytes(b"an older file")  # its new digest is pinned already
    (site.folder / BACKBONE.folder / f".part-{checkpoint_name(1)}").write_bytes(b"half")
    site.fetch(source())
    assert site.checkpoints() == expected_checkpoints()


def test_two_at_once_are_told_apart(site, source):
    (site.folder / WORK_FOLDER).mkdir(parents=True)
    lock = site.folder / WORK_FOLDER / "lock"
    code = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print(1, flush=True)"
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "; input()", str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout and holder.stdout.readline()
    with pytest.raises(FetchError, match="another process"):
        site.fetch(source())
    holder.communicate(b"\n")
    site.fetch(source())
    assert site.checkpoints() == expected_checkpoints()


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may write everywhere: be nobody for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_model_folder_that_cannot_be_written(source):
    # Not below pytest's own folder, which is root's alone.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        site = Site(Path(folder) / "models")
        site.fetch(source())
        before = site.files()
        folders = [path for path in (site.folder, *site.folder.rglob("*")) if path.is_dir()]
        for each in folders:
            each.chmod(0o555)
        try:
            with without_privileges():
                assert set(site.fetch(source()).values()) == {"kept"}
                with pytest.raises(FetchError, match="cannot write") as caught:
                    site.fetch(source(), force=True)
        finally:
            for each in folders:
                each.chmod(0o755)
        assert site.files() == before
    assert "MODEL_DIR" in caught.value.remedy


def test_a_file_where_the_model_folder_should_be(site, source):
    site.folder.write_text("")
    with pytest.raises(FetchError, match="cannot write"):
        site.fetch(source())
