"""Shards: every series once, even, and what stands on disk about them."""

import pytest

from ich_resources.errors import StorageError
from ich_resources.series import SeriesRecord, SliceRecord
from ich_resources.storage.layout import Layout
from ich_resources.storage.shards import (
    begin_collecting,
    begin_shard,
    cut,
    finish_collecting,
    finish_shard,
    read_plan,
    read_shard,
    write_missing,
    write_plan,
)


def series(uid: str, slices: int) -> SeriesRecord:
    made = tuple(
        SliceRecord(path=f"{uid}.{n}", sop_instance_uid=f"{uid}.{n}", digest="")
        for n in range(slices)
    )
    return SeriesRecord("1", uid, description="", slices=made)


@pytest.fixture
def layout(tmp_path) -> Layout:
    return Layout(tmp_path)


def test_every_series_is_in_one_shard_and_the_slices_are_even():
    sizes = {"1.1": 400, "1.2": 30, "1.3": 35, "1.4": 200, "1.5": 180, "1.6": 40, "1.7": 28}
    found = [series(uid, number) for uid, number in sizes.items()]
    shards = cut(found, 2)
    assert sorted(uid for shard in shards for uid in shard) == sorted(sizes)
    loads = [sum(sizes[uid] for uid in shard) for shard in shards]
    assert max(loads) - min(loads) <= 30
    assert cut(list(reversed(found)), 2) == shards


def test_with_more_shards_than_series_some_stay_empty():
    assert cut([series("1.1", 3)], 3) == [["1.1"], [], []]
    assert cut([], 2) == [[], []]


def test_a_plan_is_read_as_it_was_written(layout):
    write_plan(layout, [["1.1", "1.3"], ["1.2"]])
    assert read_plan(layout) == [["1.1", "1.3"], ["1.2"]]
    assert read_shard(layout, 1) == ["1.2"]
    with pytest.raises(StorageError, match="no shard 2: the plan has 2"):
        read_shard(layout, 2)


def test_without_a_plan_the_remedy_is_named(layout):
    with pytest.raises(StorageError, match="ich_prepare"):
        read_shard(layout, 0)


def test_a_new_plan_leaves_nothing_of_the_old_one(layout):
    write_plan(layout, [["1.1"], ["1.2"], ["1.3"]])
    finish_shard(layout, 2, series=1, seconds=1.0, host="node")
    finish_collecting(layout)
    write_missing(layout, read_plan(layout), ["1.1"])
    write_plan(layout, [["1.4"]])
    assert sorted(path.name for path in layout.shards.iterdir()) == ["0.json", "plan.json"]


def test_a_shard_that_is_run_again_loses_its_marker(layout):
    write_plan(layout, [["1.1"]])
    finish_shard(layout, 0, series=1, seconds=1.0, host="node")
    assert (layout.shards / "0.done.json").is_file()
    begin_shard(layout, 0)
    assert not (layout.shards / "0.done.json").exists()


def test_the_tables_are_as_old_as_the_last_collector(layout):
    write_plan(layout, [["1.1"]])
    for withdraw in (lambda: begin_shard(layout, 0), lambda: begin_collecting(layout)):
        finish_collecting(layout)
        assert (layout.shards / "collected.json").is_file()
        withdraw()
        assert not (layout.shards / "collected.json").exists()


def test_the_missing_shards_are_written_as_slurm_reads_them(layout):
    shards = [["1.1"], ["1.2", "1.3"], [], ["1.4"]]
    write_plan(layout, shards)
    assert write_missing(layout, shards, ["1.3", "1.4"]) == "1,3"
    assert (layout.shards / "missing.txt").read_text() == "1,3\n"
    assert write_missing(layout, shards, []) == ""
    assert not (layout.shards / "missing.txt").exists()
