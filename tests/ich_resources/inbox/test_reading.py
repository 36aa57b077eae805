"""The inbox index, read by another process."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict

import pytest

from ich_resources.arrivals import Arrival, Cause, SeriesTimes
from ich_resources.errors import StorageError
from ich_resources.folders import FoundFile
from ich_resources.inbox.faults import CAUSE_NOTE
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.reading import EndedSeries, read_inbox

DUE = Arrival("1.5", "1.1", state="admitted", last_seen=30.0, version="v")
ASKED = Arrival("1.6", "1.1", "Doe^Jane", "admitted", 3, 40.0, version="w", requested_version="w")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "inbox ä?.sqlite"
    with InboxIndex.open(path) as index:
        index.update_files([FoundFile("a", 7, 1)], now=1.0)
        index.upsert(
            [
                Arrival("1.2", "1.1", state="done", version="v", request_id="r"),
                Arrival("1.3", "1.1", state="failed", codes="LOCALIZER x2, RUN"),
                Arrival("1.4", "1.1", state="failed", codes="RUN"),
                DUE,
                ASKED,
            ]
        )
        index.store_times(
            [SeriesTimes("1.2", "v", "done", done=50.0, seconds=20.0), SeriesTimes("1.6", "w")]
        )
    return path


def test_everything_that_is_watched(path):
    now = read_inbox(path, 60.0)
    assert now.phases == {"done": 1, "failed": 2, "due": 1, "requested": 1}
    assert now.failures == {"RUN": 2, "LOCALIZER": 1}
    assert (now.waits_since, now.unread, now.cause) == (30.0, 1, None)
    assert now.to_result["last_24_hours"] == {"series": 1, "p50": 20.0, "p95": 20.0}
    assert now.ended[0] == EndedSeries("1.2", "1.1", "v", "r", "done", "")


def test_the_oldest_waits_since_it_was_complete_and_a_cause_stands(path):
    cause = Cause("DISK", "full", 1.0, 2.0)
    with InboxIndex.open(path) as index:
        index.store_times([SeriesTimes("1.5", "v", complete=45.0)])
        index.set_note(CAUSE_NOTE, json.dumps(asdict(cause)))
    found = read_inbox(path, 60.0)
    assert (found.waits_since, found.cause) == (40.0, cause)


def test_a_tick_that_writes_is_waited_for_and_nothing_is_written(path):
    before = path.read_bytes()
    with closing(sqlite3.connect(path)) as tick:
        tick.execute("BEGIN IMMEDIATE")
        assert read_inbox(path, 60.0).unread == 1
    assert path.read_bytes() == before


def test_an_index_of_an_earlier_version_has_no_times(path):
    with closing(sqlite3.connect(path)) as index:
        index.execute("DROP TABLE times")
    found = read_inbox(path, 60.0)
    assert (found.waits_since, found.to_result) == (30.0, {})


@pytest.mark.parametrize("damage", ["missing", "no database", "other version"])
def test_what_cannot_be_read(path, damage):
    if damage == "missing":
        path.unlink()
    elif damage == "no database":
        path.write_bytes(b"x" * 5000)
    else:
        with closing(sqlite3.connect(path)) as index:
            index.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="-> start live operation, which makes it; if it is"):
        read_inbox(path, 60.0)
    assert path.exists() == (damage != "missing")
