"""A record vouches for files that are whole; a failure is remembered until it is mended."""

import fcntl

import pytest

from ich_resources.errors import DicomError, InferenceError
from ich_resources.storage.layout import Layout
from ich_resources.storage.records import Failure, Record, Records

UID, STEP = "1.2.3", "processed_series"


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.fixture
def records(layout):
    return Records(layout)


@pytest.fixture
def record(layout, records):
    """A finished step with two files."""
    files = [layout.slice_png("9"), layout.array(UID, STEP)]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"whole")
    record = Record(
        recipe="r",
        data_version="v",
        files=tuple(records.relative(path) for path in files),
        content={"slices": [{"path": "a"}], "seconds": 0.5},
    )
    records.finish(UID, STEP, record)
    return record


def test_nothing_is_known_at_first(records):
    assert records.find(UID, STEP) is None
    assert records.failure(UID) is None


def test_a_record_comes_back_as_it_was(records, record):
    assert records.find(UID, STEP) == record
    assert record.files == ("processed/png/ID_9.png", f"state/series/{UID}/{STEP}.npy")
    assert records.find(UID, "another_step") is None
    assert records.find("1.2", STEP) is None


@pytest.mark.parametrize("which", [0, 1])
def test_a_record_without_one_of_its_files_is_none(layout, records, record, which):
    (layout.run_root / record.files[which]).unlink()
    assert records.find(UID, STEP) is None


def test_begin_withdraws_the_record_and_leaves_the_files(layout, records, record):
    records.begin(UID, STEP)
    assert records.find(UID, STEP) is None
    assert all((layout.run_root / name).is_file() for name in record.files)
    records.begin(UID, STEP)


def test_begin_tells_what_was_left_until_a_run_has_finished(layout, records, record):
    (layout.run_root / record.files[0]).unlink()
    assert records.find(UID, STEP) is None
    assert records.begin(UID, STEP, ["a.png"]) == set(record.files)
    assert records.begin(UID, STEP, ["b.png"]) == {*record.files, "a.png"}
    assert records.begin(UID, STEP) == {*record.files, "a.png", "b.png"}
    records.finish(UID, STEP, Record("r", "w", ("b.png",), {}))
    assert records.begin(UID, STEP) == {"b.png"}
    assert records.begin(UID, STEP) == set()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": null}', '{"files": [1]}'])
def test_what_cannot_be_read_tells_of_nothing_left(layout, records, record, text):
    layout.record(UID, STEP).write_text(text)
    layout.begun(UID, STEP).write_text(text)
    assert records.begin(UID, STEP) == set()


def test_a_step_cut_short_leaves_no_record(layout, records, record):
    """Killed between begin and finish: the new file is there, and nothing vouches for it."""
    records.begin(UID, STEP)
    layout.array(UID, STEP).write_bytes(b"half")
    assert Records(layout).find(UID, STEP) is None


@pytest.mark.parametrize("text", ["", '{"recipe": ', "[]", '{"recipe": "r"}', "null"])
def test_a_damaged_record_vouches_for_nothing(layout, records, record, text):
    layout.record(UID, STEP).write_text(text)
    assert records.find(UID, STEP) is None


def test_a_file_cut_short_is_not_vouched_for(layout, records, record):
    assert records.find(UID, STEP) == record
    path = layout.array(UID, STEP)
    path.write_bytes(path.read_bytes()[:-1] or b"longer")
    assert records.find(UID, STEP) is None


def test_a_series_is_worked_on_alone(layout, records):
    with records.working_on(UID, STEP):
        with layout.lock(UID).open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with records.working_on("1.2.4", STEP):
            pass
    with layout.lock(UID).open("w") as other:
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
    with pytest.raises(type(error)) as caught, records.working_on(UID, STEP):
        raise error
    assert caught.value is error
    assert records.failure(UID) == Failure(STEP, code, message)
    assert records.failure("1.2") is None


def test_a_cancelled_run_is_no_failure(records):
    with pytest.raises(KeyboardInterrupt), records.working_on(UID, STEP):
        raise KeyboardInterrupt
    assert records.failure(UID) is None


def test_only_the_step_that_failed_clears_its_failure(records):
    with pytest.raises(ValueError, match="x"), records.working_on(UID, STEP):
        raise ValueError("x")
    with records.working_on(UID, "another_step"):
        pass
    assert records.failure(UID) == Failure(STEP, "ValueError", "x")
    with records.working_on(UID, STEP):
        pass
    assert records.failure(UID) is None
