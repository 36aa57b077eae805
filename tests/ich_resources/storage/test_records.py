"""A record is valid with its files; a failure note stays until the step succeeds."""

import fcntl

import pytest
from contents import processed_content
from record_cases import OTHER, SERIES, STEP, UID

from ich_resources.errors import DicomError, InferenceError
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.failures import Failure
from ich_resources.storage.record import Record
from ich_resources.storage.records import Records
from ich_resources.subjects import series_subject


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
    first, second = "processed/png/ID_1.png", "processed/png/ID_2.png"
    assert records.begin(SERIES, STEP, [first]) == set(record.files)
    assert records.begin(SERIES, STEP, [second]) == {*record.files, first}
    assert records.begin(SERIES, STEP) == {*record.files, first, second}
    records.finish(SERIES, STEP, Record("r", "w", (second,), processed_content()))
    assert records.begin(SERIES, STEP) == {second}
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


def test_a_run_may_hold_the_lock_that_its_steps_take_again(layout, records):
    with records.holding(SERIES):
        for _ in range(2):
            with records.working_on(SERIES, STEP):
                pass
        with layout.lock(SERIES).open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with layout.lock(SERIES).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
