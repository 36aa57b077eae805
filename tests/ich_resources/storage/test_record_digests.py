"""The digests of a record find a flipped bit, in it and in its files."""

import json

import pytest
from contents import ensemble_content
from record_cases import SERIES, STEP, change

from ich_resources.steps import ENSEMBLE
from ich_resources.storage.record import Record


def test_an_earlier_record_gets_digests_and_keeps_its_time(layout, records, record):
    path = layout.record(SERIES, STEP)
    with_digests = json.loads(path.read_text())
    change(path)
    before = path.stat().st_mtime_ns
    assert "digests" not in json.loads(path.read_text())
    assert records.find(SERIES, STEP) == record
    records.add_digests(SERIES)
    assert json.loads(path.read_text()) == with_digests
    assert path.stat().st_mtime_ns == before
    assert records.find(SERIES, STEP).digests == tuple(with_digests["digests"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"position_z": 0.0', '"position_z": 1.0'),
        ('"seconds": 0.5', '"seconds": 0.25'),
        ('"recipe": "r"', '"recipe": "s"'),
        ('"checksum"', '"checksun"'),
        ('"digests"', '"digestt"'),
    ],
)
def test_a_flipped_bit_in_a_record_is_found(layout, records, record, old, new):
    path = layout.record(SERIES, STEP)
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    assert records.find(SERIES, STEP) is None


@pytest.mark.parametrize("bit", [0, 500, 1001])
def test_a_flipped_bit_in_an_array_that_feeds_tables_is_found(layout, records, bit):
    path = layout.array(SERIES, ENSEMBLE)
    path.parent.mkdir(parents=True)
    content = bytearray(126)
    path.write_bytes(content)
    mine = Record("r", "v", (records.relative(path),), ensemble_content())
    records.finish(SERIES, ENSEMBLE, mine)
    assert records.find(SERIES, ENSEMBLE) == mine
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    assert records.find(SERIES, ENSEMBLE) is None


def test_a_flipped_bit_in_the_crops_is_found_when_they_are_read(layout, records, record):
    assert records.is_whole(SERIES, STEP)
    layout.array(SERIES, STEP).write_bytes(b"while")
    assert records.find(SERIES, STEP) == record
    assert not records.is_whole(SERIES, STEP)
