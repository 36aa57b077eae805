"""The format and the schema of a record: earlier, newer, foreign and incomplete ones."""

import json
from dataclasses import replace

import pytest
from contents import ensemble_content, predictions_content
from record_cases import OTHER, SERIES, STEP, change

from ich_resources.errors import FormatError
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.probability_schemas import PredictionsContent
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record, content_as


def test_a_record_on_disk_has_a_format_and_the_keys_of_every_format(layout, record):
    value = json.loads(layout.record(SERIES, STEP).read_text())
    assert value["format"] == 2
    keys = ["format", "recipe", "data_version", "files", "content", "sizes"]
    assert list(value) == [*keys, "digests", "checksum"]
    assert list(value["content"]["slices"][0]) == [
        "sop_instance_uid",
        "path",
        "position",
        "position_z",
        "window",
    ]


def test_a_record_without_a_format_is_of_format_1(layout, records, record):
    change(layout.record(SERIES, STEP), format=None)
    assert records.find(SERIES, STEP) == record


def test_a_newer_record_is_an_error_and_is_not_overwritten(layout, records, record):
    path = layout.record(SERIES, STEP)
    change(path, format=3)
    before = path.read_bytes()
    for use in (lambda: records.find(SERIES, STEP), lambda: records.begin(SERIES, STEP, ["a"])):
        with pytest.raises(FormatError, match=r"newer version of ich .* format 3, .* up to 2"):
            use()
    assert path.read_bytes() == before
    assert not layout.begun(SERIES, STEP).exists()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"slices": [], "failed": [], "seconds": 1.0},
        {"series_version": "v", "slices": [{"path": "a"}], "failed": [], "seconds": 1.0},
        {"series_version": "v", "slices": [], "failed": [], "seconds": "1"},
        {"series_version": 7, "slices": [], "failed": [], "seconds": 1.0},
        {"series_version": "v", "slices": [], "failed": [], "seconds": 1.0, "more": 1},
    ],
)
def test_a_record_that_does_not_fit_its_schema_is_not_valid(layout, records, record, content):
    change(layout.record(SERIES, STEP), content=content)
    assert records.find(SERIES, STEP) is None
    assert records.begin(SERIES, STEP) == set(record.files)


@pytest.mark.parametrize("key", ["recipe", "data_version", "files", "content", "sizes"])
@pytest.mark.parametrize("value", [None, 1, "text", []])
def test_a_record_with_a_wrong_field_is_not_valid(layout, records, record, key, value):
    if (key, value) in [("recipe", "text"), ("data_version", "text")]:
        return
    change(layout.record(SERIES, STEP), **{key: value})
    assert records.find(SERIES, STEP) is None


def test_the_record_of_another_series_or_step_is_not_valid(layout, records, record):
    text = layout.record(SERIES, STEP).read_text()
    layout.folder(OTHER).mkdir(parents=True)
    layout.record(OTHER, STEP).write_text(text)
    assert records.find(OTHER, STEP) is None
    first, second = "densenet121_predictions", "densenet169_predictions"
    path = layout.array(SERIES, first)
    path.write_bytes(b"whole")
    mine = Record("r", "v", (records.relative(path),), predictions_content())
    records.finish(SERIES, first, mine)
    layout.record(SERIES, second).write_text(layout.record(SERIES, first).read_text())
    assert records.find(SERIES, first) == mine
    assert records.find(SERIES, second) is None


def test_the_content_of_a_record_has_the_schema_of_its_step(records, record):
    assert records.find_as(SERIES, STEP, ProcessedContent) == record
    with pytest.raises(TypeError, match="a ProcessedContent, not a PredictionsContent"):
        content_as(record, PredictionsContent)


def test_when_the_last_step_ended(layout, records):
    assert records.finished_at(SERIES) is None
    layout.folder(SERIES).mkdir(parents=True)
    path = layout.record(SERIES, "saliency_panels")
    path.write_text("{}")
    assert records.finished_at(SERIES).timestamp() == pytest.approx(path.stat().st_mtime)


@pytest.mark.parametrize("text", ['{"seconds": NaN}', "[" * 100_000])
def test_json_of_another_kind_is_a_damaged_record(layout, records, record, text):
    layout.record(SERIES, STEP).write_text(text)
    assert records.find(SERIES, STEP) is None


def test_a_calibrated_ensemble_needs_both_arrays(layout, records):
    paths = [layout.array(SERIES, ENSEMBLE), layout.calibrated(SERIES, ENSEMBLE)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    names = tuple(map(records.relative, paths))
    plain = Record("r", "v", names[:1], ensemble_content())
    records.finish(SERIES, ENSEMBLE, plain)
    assert records.find(SERIES, ENSEMBLE) == plain
    calibrated = Record("r", "v", names, ensemble_content(calibration="c"))
    records.finish(SERIES, ENSEMBLE, replace(calibrated, files=names[:1]))
    assert records.find(SERIES, ENSEMBLE) is None
    records.finish(SERIES, ENSEMBLE, calibrated)
    assert records.find(SERIES, ENSEMBLE) == calibrated
    shown = [r.content.shown(layout, SERIES, ENSEMBLE) for r in (plain, calibrated)]
    assert shown == paths
    paths[1].write_bytes(b"e" * len(paths[1].name))  # the same size, other numbers
    assert records.find(SERIES, ENSEMBLE) is None


def test_records_of_format_1_are_worth_what_they_were(layout, records):
    path = layout.array(SERIES, ENSEMBLE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    for untrained, worth in ((True, "nothing"), (False, "patients")):
        record = Record("r", "v", (records.relative(path),), ensemble_content(untrained=untrained))
        records.finish(SERIES, ENSEMBLE, record)
        written = layout.record(SERIES, ENSEMBLE)
        value = json.loads(written.read_text())
        assert "trained_on" not in value["content"] and value["format"] == 2
        for key in ("format", "digests", "checksum"):  # as version 0.1.0 wrote it
            del value[key]
        written.write_text(json.dumps(value))
        assert records.find(SERIES, ENSEMBLE).content.worth == worth
