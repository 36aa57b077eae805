"""A record is valid with its files; a failure note stays until the step succeeds."""

import fcntl
import json
from dataclasses import replace

import pytest
from contents import ensemble_content, predictions_content, processed_content, processed_slice

from ich_resources.errors import DicomError, FormatError, InferenceError, StorageError
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.failures import Failure
from ich_resources.storage.layout import Layout
from ich_resources.storage.probability_schemas import PredictionsContent
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record, content_as
from ich_resources.storage.records import Records
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


def change(path, **fields: object) -> None:
    """Change or remove fields of a record as an earlier version wrote it, without digests."""
    value = json.loads(path.read_text()) | {"digests": None, "checksum": None} | fields
    path.write_text(json.dumps({k: v for k, v in value.items() if v is not None}))


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


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "../../processed/png/ID_9.png",
        "processed/png/../../../x.png",
        "processed/png/./ID_9.png",
        "processed/png/deeper/x.png",
        "processed/csv/summary.json",
        "state/series/1.2.3/found.json",
        "state/series/1.2/processed_series.npy",
        "/etc/passwd",
        "",
        "x\0y",
    ],
)
def test_a_foreign_name_makes_a_record_invalid_and_is_never_removed(layout, records, record, name):
    path = layout.record(SERIES, STEP)
    value = json.loads(path.read_text())
    change(path, files=[*value["files"], name], sizes=[*value["sizes"], 5])
    assert records.find(SERIES, STEP) is None
    assert records.begin(SERIES, STEP) == set(record.files)


def test_a_record_that_does_not_list_what_others_read_is_not_valid(layout, records, record):
    path = layout.record(SERIES, STEP)
    value = json.loads(path.read_text())
    for which in (0, 1):
        names, sizes = list(value["files"]), list(value["sizes"])
        del names[which], sizes[which]
        change(path, files=names, sizes=sizes)
        assert records.find(SERIES, STEP) is None
    change(path, files=value["files"], sizes=value["sizes"])
    assert records.find(SERIES, STEP) == record


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_behind_a_link_that_leads_outside_is_no_result(
    layout, records, record, tmp_path_factory, which
):
    path = layout.run_root / record.files[which]
    inside = layout.run_root / "processed" / "kept"
    path.rename(inside)
    path.symlink_to(inside)
    assert records.find(SERIES, STEP) == record
    outside = tmp_path_factory.mktemp("outside") / "x"
    inside.rename(outside)
    path.unlink()
    path.symlink_to(outside)
    assert records.find(SERIES, STEP) is None
    assert outside.read_bytes() == b"whole"


@pytest.mark.parametrize("folder", ["processed/png", f"state/series/{UID}"])
def test_a_folder_that_leads_outside_is_neither_read_nor_written(
    layout, records, record, tmp_path_factory, folder
):
    outside = tmp_path_factory.mktemp("outside") / "moved"
    (layout.run_root / folder).rename(outside)
    (layout.run_root / folder).symlink_to(outside)
    before = {p.name: p.read_bytes() for p in outside.iterdir()}
    assert records.find(SERIES, STEP) is None
    with pytest.raises(StorageError, match="leads out of RUN_ROOT"):
        records.begin(SERIES, STEP)
    assert {p.name: p.read_bytes() for p in outside.iterdir()} == before


def test_the_run_root_and_its_first_folders_may_be_links(tmp_path):
    (tmp_path / "disk" / "state").mkdir(parents=True)
    (tmp_path / "disk" / "processed").mkdir()
    (tmp_path / "root").mkdir()
    for name in ("state", "processed"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "disk" / name)
    (tmp_path / "link").symlink_to(tmp_path / "root")
    layout = Layout(tmp_path / "link")
    records, path = Records(layout), layout.array(SERIES, ENSEMBLE)
    records.begin(SERIES, ENSEMBLE)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"whole")
    mine = Record("r", "v", (records.relative(path),), ensemble_content())
    with records.working_on(SERIES, ENSEMBLE):
        records.finish(SERIES, ENSEMBLE, mine)
    assert records.find(SERIES, ENSEMBLE) == mine


def test_a_run_may_hold_the_lock_that_its_steps_take_again(layout, records):
    with records.holding(SERIES):
        for _ in range(2):
            with records.working_on(SERIES, STEP):
                pass
        with layout.lock(SERIES).open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with layout.lock(SERIES).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


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
