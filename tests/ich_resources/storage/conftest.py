"""A run root, and a finished step in it."""

import pytest
from contents import processed_content, processed_slice
from record_cases import SERIES, STEP

from ich_resources.storage.layout import Layout
from ich_resources.storage.record import Record
from ich_resources.storage.records import Records


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.fixture
def records(layout):
    return Records(layout)


@pytest.fixture
def record(layout, records):
    """A finished step with two files."""
    files = [layout.slice_png("9"), layout.array(SERIES, STEP)]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"whole")
    record = Record(
        inputs_digest="r",
        data_version="v",
        files=tuple(records.relative(path) for path in files),
        content=processed_content(slices=(processed_slice("9"),)),
    )
    records.finish(SERIES, STEP, record)
    return record
