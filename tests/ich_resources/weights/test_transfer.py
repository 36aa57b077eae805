"""Transfers that break, change, lie or run out of room, against a real server."""

import os
import subprocess
from pathlib import Path

import pytest
from fetching import ALL, Site, expected_checkpoints
from release import (
    REPOSITORY,
    TAG,
    TIME,
    ReleaseServer,
    packed,
    public,
    running,
    small_release,
    stated,
)

from ich_resources.errors import FetchError
from ich_resources.weights.fetch import WORK_FOLDER
from ich_resources.weights.github import public_release
from ich_resources.weights.progress import Progress
from ich_resources.weights.release import ARCHIVES, DIGESTS, UNREACHABLE

ARCHIVE = ARCHIVES[ALL[0].name]
BASE = f"/{REPOSITORY}/releases/download/{TAG}"
PATH = f"{BASE}/{ARCHIVE}"


def ranges(server: ReleaseServer) -> list[str]:
    return [a.headers.get("Range", "") for a in server.asked if a.path == PATH]


def test_a_broken_connection_goes_on_where_it_broke(site, source, server, assets):
    server.breaks = [100_000, 50_000]
    site.fetch(source())
    assert server.sent(PATH) == [100_000, 50_000, len(assets[ARCHIVE]) - 150_000]
    assert ranges(server) == ["", "bytes=100000-", "bytes=150000-"]
    assert sum("again in" in line for line in site.said) == 2
    assert site.checkpoints() == expected_checkpoints()


def test_a_run_that_gave_up_is_continued_by_the_next(site, source, server, assets):
    server.breaks = [100_000, 0]
    with pytest.raises(FetchError, match="connection broke") as caught:
        site.fetch(source(again=0))
    assert caught.value.code == UNREACHABLE
    assert site.checkpoints() == {}
    server.breaks = []
    site.fetch(source(again=0))
    assert sum(server.sent(PATH)) == len(assets[ARCHIVE])
    assert any("100 kB are here from before" in line for line in site.said)
    assert site.checkpoints() == expected_checkpoints()


def test_breaks_that_bring_bytes_do_not_use_up_the_attempts(site, source, server):
    server.breaks = [30_000] * 8
    site.fetch(source(again=1))
    assert site.checkpoints() == expected_checkpoints()


def test_breaks_that_bring_none_do(site, source, server):
    server.ranges = False
    server.breaks = [30_000] * 20
    with pytest.raises(FetchError, match="4 attempts"):
        site.fetch(source(again=3))
    assert server.sent(PATH) == [30_000] * 4


def test_a_server_without_ranges_begins_anew(site, source, server, assets):
    server.ranges = False
    server.breaks = [100_000]
    site.fetch(source())
    assert server.sent(PATH) == [100_000, len(assets[ARCHIVE])]
    assert site.checkpoints() == expected_checkpoints()


NEW = packed({f"model_epoch_best_{fold}.pth": b"new" * 60_000 for fold in range(5)}, "w")


@pytest.mark.parametrize("same_size", [True, False])
@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("within", ["a run", "two runs"])
def test_a_file_that_changes_meanwhile_is_never_spliced(
    site, source, server, assets, within, if_range, same_size
):
    old = NEW[::-1] if same_size else assets[ARCHIVE]
    server.files[PATH] = old
    server.if_range, server.breaks = if_range, [100_000]
    digests = stated(assets | {ARCHIVE: NEW})
    if within == "a run":
        server.files[f"{BASE}/{DIGESTS}"] = digests
        server.on_break = lambda: public(server, {ARCHIVE: NEW})
    else:
        with pytest.raises(FetchError):
            site.fetch(source(again=0))
        public(server, {ARCHIVE: NEW, DIGESTS: digests})
    site.fetch(source())
    assert site.checkpoints()[f"{ALL[0].folder}/model_epoch_best_0.pth"] == b"new" * 60_000
    assert server.sent(PATH)[0] == 100_000
    assert server.sent(PATH)[-1] == len(NEW)


@pytest.mark.parametrize("validator", ["weak ETag and time", "none"])
def test_what_vouches_for_the_file_being_the_same(site, source, server, assets, validator):
    server.etag = (lambda content: 'W/"weak"') if "weak" in validator else None
    if "time" in validator:
        server.extra_headers[TIME] = "Thu, 01 Jan 2026 00:00:00 GMT"
    server.breaks = [100_000, 0]
    with pytest.raises(FetchError):
        site.fetch(source(again=0))
    server.breaks = []
    site.fetch(source())
    rest = len(assets[ARCHIVE]) - (100_000 if "time" in validator else 0)
    assert server.sent(PATH) == [100_000, rest]
    assert site.checkpoints() == expected_checkpoints()


def test_nothing_is_continued_in_a_run_if_nothing_vouches_for_it(site, source, server, assets):
    server.etag, server.breaks = None, [100_000]
    site.fetch(source())
    assert server.sent(PATH) == [100_000, len(assets[ARCHIVE])]
    assert ranges(server) == ["", ""]
    assert site.checkpoints() == expected_checkpoints()


def test_a_killed_run_that_had_all_of_it_asks_for_no_byte_again(site, source, server, assets):
    server.breaks = [len(assets[ARCHIVE]) - 1]
    with pytest.raises(FetchError):
        site.fetch(source(again=0))
    part = site.folder / WORK_FOLDER / f"{ARCHIVE}.part"
    with part.open("ab") as file:
        file.write(assets[ARCHIVE][-1:])
    site.fetch(source())
    assert len(server.sent(PATH)) == 1
    assert site.checkpoints() == expected_checkpoints()


def test_a_file_longer_than_the_server_has_it_is_begun_anew(site, source, server, assets):
    server.breaks = [100_000]
    with pytest.raises(FetchError):
        site.fetch(source(again=0))
    part = site.folder / WORK_FOLDER / f"{ARCHIVE}.part"
    part.write_bytes(b"x" * (len(assets[ARCHIVE]) + 10))
    site.fetch(source())
    assert [asked.status for asked in server.asked if asked.path == PATH] == [200, 416, 200]
    assert site.checkpoints() == expected_checkpoints()


def test_a_server_that_is_busy_is_asked_again(site, source, server):
    server.statuses = [503, 429]
    site.fetch(source())
    assert [asked.status for asked in server.asked[:3]] == [503, 429, 200]
    assert site.checkpoints() == expected_checkpoints()


def test_an_encoding_that_is_the_file_itself_is_not_undone(site, source, server):
    server.extra_headers["Content-Encoding"] = "gzip"
    site.fetch(source())
    assert site.checkpoints() == expected_checkpoints()


def test_a_server_that_does_not_say_how_long_the_file_is(site, source, server):
    server.length = False
    site.fetch(source())
    assert site.checkpoints() == expected_checkpoints()


def test_no_network_says_which_files_go_where(site):
    with running(ReleaseServer()) as gone:
        url = gone.url()
    source = public_release(url, REPOSITORY, TAG, "THE_TOKEN", (0.0,))
    with pytest.raises(FetchError, match="no connection to 127") as caught:
        site.fetch(source)
    text = str(caught.value)
    assert caught.value.code == UNREACHABLE
    assert "https://git.example/the/page" in text
    for backbone in ALL:
        assert ARCHIVES[backbone.name] in text
        folder = site.folder / backbone.folder
        assert f"{folder}/model_epoch_best_0.pth to model_epoch_best_4.pth" in text
    assert DIGESTS in text and "base_url" in text


def test_a_host_name_that_nobody_knows(site):
    source = public_release("http://no-such-host.invalid", REPOSITORY, TAG, "THE_TOKEN", ())
    with pytest.raises(FetchError, match=r"no connection to no-such-host\.invalid"):
        site.fetch(source)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "THE_TOKEN"), (401, "THE_TOKEN"), (403, "THE_TOKEN"), (410, "tag")]
)
def test_a_refusal_says_what_to_do(site, source, server, status, words):
    server.statuses = [status]
    with pytest.raises(FetchError, match=f"answers {status}") as caught:
        site.fetch(source())
    assert words in caught.value.remedy
    assert len(server.asked) == 1
    assert caught.value.path == f"{server.url()}{BASE}/{DIGESTS}"


def test_too_many_requests_are_called_so(site, source, server):
    server.statuses = [403]
    server.extra_headers["X-RateLimit-Remaining"] = "0"
    with pytest.raises(FetchError) as caught:
        site.fetch(source())
    assert "wait an hour" in caught.value.remedy


def test_a_slow_transfer_is_shown_line_by_line(site, source, server, assets):
    said: list[str] = []
    now = 100.0
    progress = Progress("a.tar.gz", said.append, interval=10.0, clock=lambda: now)
    for done in range(0, 1_000_001, 100_000):
        progress.update(done, 1_000_000)
        now += 4.0
    assert said == [
        "  a.tar.gz: 1.0 MB",
        "  a.tar.gz: 300 kB of 1.0 MB (30 %), 25 kB/s, 28 s left",
        "  a.tar.gz: 600 kB of 1.0 MB (60 %), 25 kB/s, 16 s left",
        "  a.tar.gz: 900 kB of 1.0 MB (90 %), 25 kB/s, 4 s left",
    ]
    site.fetch(source())
    assert len(site.said) < 10


@pytest.fixture
def little_disk(tmp_path: Path):
    """A file system of one megabyte."""
    folder = tmp_path / "little"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system of one megabyte can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_too_little_room_is_said_before_the_first_byte(little_disk, server, source):
    public(server, small_release(size=200_000))
    site = Site(little_disk / "models")
    with pytest.raises(FetchError, match=r"the disk is full: .* needs 2\.0 MB") as caught:
        site.fetch(source())
    assert "free some space" in caught.value.remedy
    assert site.files() == {}


def test_a_disk_that_fills_up_keeps_what_came(little_disk, server, source):
    public(server, small_release(size=250_000))
    server.length = False  # so that nothing can be known before
    site = Site(little_disk / "models")
    with pytest.raises(FetchError, match="the disk is full") as caught:
        site.fetch(source())
    assert "free some space" in caught.value.remedy
    assert site.checkpoints() == {}


def test_a_disk_that_fills_up_is_freed_of_what_cannot_be_continued(little_disk, server, source):
    public(server, small_release(size=250_000))
    server.length, server.etag = False, None
    site = Site(little_disk / "models")
    with pytest.raises(FetchError, match="the disk is full"):
        site.fetch(source())
    assert site.files() == {}


def test_a_disk_that_fills_up_while_unpacking_keeps_no_half_file(little_disk, server, source):
    content = packed({f"model_epoch_best_{fold}.pth": bytes(300_000) for fold in range(5)})
    assert len(content) < 10_000
    public(server, {ARCHIVE: content, DIGESTS: stated({ARCHIVE: content})})
    site = Site(little_disk / "models")
    with pytest.raises(FetchError, match="the disk is full: unpacking"):
        site.fetch(source(), backbones=[ALL[0]])
    assert site.checkpoints() == {}
