"""A record is valid with its files; a failure note stays until the step succeeds."""

import fcntl
import json

import pytest
from contents import predictions_content, processed_content, processed_slice

from ich_resources.errors import DicomError, FormatError, InferenceError
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.failures import Failure
from ich_resources.storage.layout import Layout
from ich_resources.storage.records import Record, Records, content_as
from ich_resources.storage.schemas import PredictionsContent, ProcessedContent
from ich_resources.subjects import series_subject

UID, STEP = "1.2.3", "processed_series"
SERIES, OTHER = series_subject(UID), series_subject("1.2")


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


def test_nothing_is_known_at_first(records):
    assert records.find(SERIES, STEP) is None
    assert records.failures.find(SERIES) is None


def test_a_record_comes_back_as_it_was(records, record):
    assert records.find(SERIES, STEP) == record
    assert record.files == ("processed/png/ID_9.png", f"state/series/{UID}/{STEP}.npy")
    assert records.find(SERIES, ENSEMBLE) is None
    assert records.find(OTHER, STEP) is None


@pytest.mark.parametrize("which", [0, 1])
def test_a_record_without_one_of_its_files_is_none(layout, records, record, which):
    (layout.run_root / record.files[which]).unlink()
    assert records.find(SERIES, STEP) is None


def test_begin_withdraws_the_record_and_leaves_the_files(layout, records, record):
    records.begin(SERIES, STEP)
    assert records.find(SERIES, STEP) is None
    assert all((layout.run_root / name).is_file() for name in record.files)
    records.begin(SERIES, STEP)


def test_begin_returns_what_was_left_until_a_run_has_finished(layout, records, record):
    (layout.run_root / record.files[0]).unlink()
    assert records.find(SERIES, STEP) is None
    assert records.begin(SERIES, STEP, ["a.png"]) == set(record.files)
    assert records.begin(SERIES, STEP, ["b.png"]) == {*record.files, "a.png"}
    assert records.begin(SERIES, STEP) == {*record.files, "a.png", "b.png"}
    records.finish(SERIES, STEP, Record("r", "w", ("b.png",), processed_content()))
    assert records.begin(SERIES, STEP) == {"b.png"}
    assert records.begin(SERIES, STEP) == set()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": null}', '{"files": [1]}'])
def test_a_list_that_cannot_be_read_names_nothing(layout, records, record, text):
    layout.record(SERIES, STEP).write_text(text)
    layout.begun(SERIES, STEP).write_text(text)
    assert records.begin(SERIES, STEP) == set()


def test_a_step_cut_short_leaves_no_record(layout, records, record):
    """Killed between begin and finish: the new file is there, and no record lists it."""
    records.begin(SERIES, STEP)
    layout.array(SERIES, STEP).write_bytes(b"half")
    assert Records(layout).find(SERIES, STEP) is None


@pytest.mark.parametrize("text", ["", '{"recipe": ', "[]", '{"recipe": "r"}', "null"])
def test_a_damaged_record_is_not_valid(layout, records, record, text):
    layout.record(SERIES, STEP).write_text(text)
    assert records.find(SERIES, STEP) is None


def test_a_record_with_a_file_cut_short_is_not_valid(layout, records, record):
    assert records.find(SERIES, STEP) == record
    path = layout.array(SERIES, STEP)
    path.write_bytes(path.read_bytes()[:-1] or b"longer")
    assert records.find(SERIES, STEP) is None


def test_one_step_at_a_time_works_on_a_series(layout, records):
    with records.working_on(SERIES, STEP):
        with layout.lock(SERIES).open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with records.working_on(series_subject("1.2.4"), STEP):
            pass
    with layout.lock(SERIES).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            DicomError("no pixels", series=UID, remedy="send it again", code="NO_PIXELS"),
            "NO_PIXELS",
            f"no pixels [series {UID}] -> send it again",
        ),
        (InferenceError("not finite"), "InferenceError", "not finite"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError", "by zero"),
    ],
)
def test_a_failure_is_noted_and_raised(records, error, code, message):
    with pytest.raises(type(error)) as caught, records.working_on(SERIES, STEP):
        raise error
    assert caught.value is error
    assert records.failures.find(SERIES) == Failure(STEP, code, message)
    assert records.failures.find(OTHER) is None


def test_a_cancelled_run_is_not_a_failure(records):
    with pytest.raises(KeyboardInterrupt), records.working_on(SERIES, STEP):
        raise KeyboardInterrupt
    assert records.failures.find(SERIES) is None


def test_only_the_step_that_failed_clears_its_failure(records):
    with pytest.raises(ValueError, match="x"), records.working_on(SERIES, STEP):
        raise ValueError("x")
    with records.working_on(SERIES, ENSEMBLE):
        pass
    assert records.failures.find(SERIES) == Failure(STEP, "ValueError", "x")
    with records.working_on(SERIES, STEP):
        pass
    assert records.failures.find(SERIES) is None


def change(path, **fields: object) -> None:
    """Change or remove fields of a JSON file."""
    value = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({k: v for k, v in value.items() if v is not None}))


def test_a_record_on_disk_has_a_format_and_the_keys_of_every_format(layout, record):
    value = json.loads(layout.record(SERIES, STEP).read_text())
    assert value["format"] == 2
    assert list(value) == ["format", "recipe", "data_version", "files", "content", "sizes"]
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
