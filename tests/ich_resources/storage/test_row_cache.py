"""Kept rows: what is old is made again, damage costs nothing, and no number is forgotten."""

import os
import sqlite3
import time

import pytest
from kept_rows import row

from ich_resources.errors import StorageError
from ich_resources.storage.layout import Layout
from ich_resources.storage.row_cache import open_cache
from ich_resources.storage.row_refresh import folder_times, refresh, stamp
from ich_resources.subjects import series_subject

SERIES = ("1.1", "1.2")


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    for uid in SERIES:
        touch(layout, uid, 100)
    return layout


def touch(layout: Layout, uid: str, ago: float) -> None:
    """Let a file of a series have been written some seconds ago."""
    folder = layout.folder(series_subject(uid))
    folder.mkdir(parents=True, exist_ok=True)
    when = time.time() - ago
    os.utime(folder, (when, when))


class Builder:
    """What is on disk: P(any) of each series, and which of them were asked for."""

    def __init__(self) -> None:
        self.found = {uid: row(uid, 0.5) for uid in SERIES}
        self.asked: list[str] = []

    def __call__(self, uid: str):
        self.asked.append(uid)
        if uid not in self.found:
            raise StorageError("it is damaged", series=uid)
        return self.found[uid]

    def taken(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


def test_only_what_has_changed_is_made_again(layout):
    build = Builder()
    with open_cache(layout.row_cache) as cache:
        assert refresh(cache, layout, SERIES, build).changed
        assert sorted(build.taken()) == list(SERIES)
        assert cache.rows() == build.found
        again = refresh(cache, layout, SERIES, build)
        assert (again.changed, again.left, build.taken()) == (False, 0, [])
        touch(layout, "1.2", 50)
        assert not refresh(cache, layout, SERIES, build).changed, "its row is the same"
        assert build.taken() == ["1.2"]
        build.found["1.2"] = row("1.2", 0.75)
        touch(layout, "1.2", 40)
        assert refresh(cache, layout, SERIES, build).changed
        assert cache.row("1.2").p_any == 0.75


def test_a_folder_that_has_just_changed_is_read_once_more(layout):
    """Two files of one moment may leave the folder with one time."""
    build = Builder()
    touch(layout, "1.1", 0)
    with open_cache(layout.row_cache) as cache:
        refresh(cache, layout, SERIES, build)
        build.taken()
        refresh(cache, layout, SERIES, build)
        assert build.taken() == ["1.1"]
    assert stamp(folder_times(layout)["1.1"], time.time() + 3) != ""


def test_without_time_the_newest_come_first_and_the_rest_is_counted(layout):
    build = Builder()
    touch(layout, "1.2", 10)
    slow = lambda uid: time.sleep(0.02) or build(uid)  # noqa: E731
    with open_cache(layout.row_cache) as cache:
        first = refresh(cache, layout, SERIES, slow, seconds=0.01)
        assert (build.taken(), first.left, first.changed) == (["1.2"], 1, True)
        assert refresh(cache, layout, SERIES, slow, seconds=0.01).left == 0
        assert build.taken() == ["1.1"]


def test_a_row_that_cannot_be_made_leaves_the_earlier_one(layout):
    build = Builder()
    with open_cache(layout.row_cache) as cache:
        refresh(cache, layout, SERIES, build)
        del build.found["1.1"]
        touch(layout, "1.1", 10)
        for _ in range(2):
            found = refresh(cache, layout, SERIES, build)
            assert list(found.unreadable) == ["1.1"] and "it is damaged" in found.unreadable["1.1"]
        assert cache.row("1.1").p_any == 0.5


def test_a_number_stays_while_a_series_is_scored_again(layout):
    build = Builder()
    with open_cache(layout.row_cache) as cache:
        refresh(cache, layout, SERIES, build)
        for state in ("waiting", "failed", "refused"):
            build.found["1.1"] = row("1.1", None, state=state)
            touch(layout, "1.1", 30)
            refresh(cache, layout, SERIES, build)
            touch(layout, "1.1", 20)
            refresh(cache, layout, SERIES, build)
            kept = cache.row("1.1")
            assert (kept.p_any, kept.state) == (0.5, state) and kept.earlier


@pytest.mark.parametrize("damage", ["text", "cut", "version", "tables", "row"])
def test_a_damaged_cache_is_made_again(layout, damage):
    build = Builder()
    with open_cache(layout.row_cache) as cache:
        refresh(cache, layout, SERIES, build)
    _damage(layout.row_cache, damage)
    if damage in ("tables", "row"):
        with pytest.raises(StorageError, match="were damaged"), open_cache(layout.row_cache) as c:
            c.rows()
        assert not layout.row_cache.exists()
    known = {"1.1": row("1.1", 0.875)}
    build.found["1.1"] = row("1.1", None, state="waiting")
    with open_cache(layout.row_cache) as cache:
        assert cache.stamps() == {}
        refresh(cache, layout, SERIES, build, known=known)
        assert cache.row("1.1").p_any == 0.875, "what the table said"
        assert cache.row("1.2") == build.found["1.2"]


def _damage(path, damage: str) -> None:
    if damage == "text":
        path.write_text("not a database, and longer than its header would be" * 50)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:1500])
    else:
        command = {
            "version": "PRAGMA user_version = 99",
            "tables": "DROP TABLE rows",
            "row": "UPDATE rows SET row = '{\"series\": 1}'",
        }[damage]
        with sqlite3.connect(path) as connection:
            connection.execute(command)
        connection.close()


def test_a_folder_in_the_way_is_an_error_with_a_remedy(layout):
    layout.row_cache.mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot be kept"), open_cache(layout.row_cache):
        pass
