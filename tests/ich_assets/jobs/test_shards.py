"""A folder in shards, through the real command line: the same files as one batch."""

import json
import shutil

import pytest
import taken_away
from workplace import CONFIG, Workplace

pytestmark = pytest.mark.slow


def results(place: Workplace) -> dict[str, bytes]:
    """The files to take away but the report, as they would stand in any folder."""
    root = str(place.root).encode()
    return {
        name: content.replace(root, b"")
        for name, content in place.tree().items()
        if not name.startswith("state/")
    }


def report(place: Workplace) -> dict:
    """The report without what says when, where and how long."""
    return json.loads(json.dumps(taken_away.report(place.results)).replace(str(place.root), ""))


def test_shards_give_the_files_of_one_batch(finished_demo, tmp_path, stand_in_models):
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    shards = place.results / "state" / "shards"
    cut = "ops: {cut_folder: {config: {shards: 2, decode: true}}}\n"
    done = place.execute("ich_prepare", CONFIG + cut)
    assert done.status == 0, done.text
    lists = [json.loads((shards / f"{number}.json").read_text()) for number in (0, 1)]
    assert [len(series) for series in lists] == [1, 1]
    for (uid,) in lists:
        assert (place.results / "state" / "series" / uid / "processed_series.json").is_file()
    tables = {p.name: p.read_bytes() for p in place.output.iterdir() if p.is_file()}

    done = place.execute("ich_shard", CONFIG + "ops: {run_shard: {config: {shard: 1}}}\n")
    assert done.status == 0, done.text
    assert (shards / "1.done.json").is_file()
    # A shard writes nothing that another shard writes too.
    assert {p.name: p.read_bytes() for p in place.output.iterdir() if p.is_file()} == tables

    early = place.execute("ich_collect", CONFIG)
    assert early.status == 1
    assert "in the shards 0 (" in early.text
    assert f"series {lists[0][0]} waiting" in early.text
    assert (shards / "missing.txt").read_text() == "0\n"
    assert (shards / "collected.json").is_file()

    done = place.execute("ich_shard", CONFIG + "ops: {run_shard: {config: {shard: 0}}}\n")
    assert done.status == 0, done.text
    assert not (shards / "collected.json").exists()
    done = place.execute("ich_collect", CONFIG)
    assert done.status == 0, done.text
    assert not (shards / "missing.txt").exists()
    assert (shards / "collected.json").is_file()
    assert results(place) == results(finished_demo.place)
    assert report(place) == report(finished_demo.place)
    # A batch on the same folder finds nothing left to do.
    assert "unchanged: 2" in place.batch().text


def test_a_shard_that_is_not_in_the_plan_is_an_error(workplace):
    done = workplace.execute("ich_shard", CONFIG)
    assert done.status == 1
    assert "ich_prepare" in done.text
