"""The ledger of the inbox beside that of a scan: each keeps its own, both are read as one."""

from dataclasses import replace

import pytest

from ich_resources.errors import DicomError, StorageError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, SeriesRecord, SliceRecord, UnassignedFile
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import (
    admitted_elsewhere,
    find_series,
    found_series,
    read_ledger,
    read_scan,
    write_arrivals,
    write_scan,
)
from ich_resources.storage.records import Records
from ich_resources.subjects import series_subject


def series(uid, *digests, input_dir="/inbox"):
    slices = [SliceRecord(f"{uid}/{d}", f"{uid}.{n}", d) for n, d in enumerate(digests)]
    return SeriesRecord("1", uid, "head", tuple(slices), input_dir=input_dir)


def unassigned_file(path):
    return UnassignedFile(path, Judgement("failed", Reason.UNREADABLE, "cut short"))


def ledger(*found, unassigned=(), folder="/inbox", seen=0, other=0):
    return Ledger((folder,), tuple(found), tuple(unassigned), seen, other)


A, B, C = series("1.2", "a"), series("1.3", "b", "bb"), series("1.4", "c")
OF_SCAN = series("1.1", "s", input_dir="/in")


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


def test_the_inbox_alone(layout):
    arrivals = ledger(A, B, unassigned=[unassigned_file("x")], seen=5, other=1)
    write_arrivals(layout, arrivals)
    assert read_ledger(layout) == arrivals
    assert find_series(layout, "1.3") == B
    with pytest.raises(StorageError, match="does not exist") as caught:
        read_scan(layout)
    assert caught.value.path == layout.ledger


def test_scan_and_inbox_together(layout):
    scan = ledger(
        OF_SCAN,
        unassigned=[unassigned_file("y"), unassigned_file("x")],
        folder="/in",
        seen=7,
        other=2,
    )
    write_scan(layout, scan)
    write_arrivals(
        layout,
        ledger(B, A, unassigned=[unassigned_file("x"), unassigned_file("z")], seen=5, other=1),
    )
    both = read_ledger(layout)
    assert both.input_dirs == ("/in", "/inbox")
    assert both.series == (OF_SCAN, A, B)
    assert [s.path for s in both.unassigned] == ["y", "x", "z"]
    assert (both.files_seen, both.files_not_dicom) == (12, 3)
    assert read_scan(layout) == scan
    assert find_series(layout, "1.1") == OF_SCAN and find_series(layout, "1.2") == A


def test_one_folder_that_is_scanned_and_watched_counts_once(layout):
    write_scan(layout, ledger(A, B))
    write_arrivals(layout, ledger(B, C))
    both = read_ledger(layout)
    assert both.input_dirs == ("/inbox",)
    assert both.series == (A, B, C)


def test_a_series_of_both_is_as_it_was_found_last(layout):
    write_scan(layout, ledger(series("1.2", "old", input_dir="/in"), folder="/in"))
    write_arrivals(layout, ledger(A))
    assert read_ledger(layout).series == (A,)
    assert find_series(layout, "1.2") == A
    again = series("1.2", "old", "new", input_dir="/in")
    write_scan(layout, ledger(again, folder="/in"))
    assert read_ledger(layout).series == (again,)


def test_series_that_stand_as_they_are_are_kept(layout):
    write_arrivals(layout, ledger(A, B))
    newer = series("1.2", "a", "aa")
    write_arrivals(layout, ledger(newer, C), ["1.3", "1.2"])
    assert read_ledger(layout).series == (newer, B, C)
    write_arrivals(layout, ledger(unassigned=[unassigned_file("x")]), ["1.4", "1.3"])
    assert read_ledger(layout) == ledger(B, C, unassigned=[unassigned_file("x")])


def test_a_series_of_neither_is_not_found_but_remembered(layout):
    write_arrivals(layout, ledger(A, B))
    write_arrivals(layout, ledger(B))
    with pytest.raises(StorageError, match="not in the ledger") as caught:
        find_series(layout, "1.2")
    assert caught.value.series == "1.2"
    assert found_series(layout, "1.2") == A
    with pytest.raises(StorageError, match="does not exist"):
        found_series(layout, "1.9")


def test_nothing_at_all(layout):
    for read in (read_ledger, read_scan, lambda place: find_series(place, "1.2")):
        with pytest.raises(StorageError, match="does not exist.*materialise series_ledger"):
            read(layout)


def failed(layout, uid):
    Records(layout).failures.write(series_subject(uid), "processed_series", DicomError("no pixels"))


@pytest.mark.parametrize("write", [write_scan, write_arrivals])
@pytest.mark.parametrize(
    "newer",
    [
        series("1.2", "a", "aa"),
        series("1.2", "changed"),
        replace(A, slices=(replace(A.slices[0], judgement=unassigned_file("").judgement),)),
    ],
    ids=["one slice more", "a slice changed", "a slice judged anew"],
)
def test_a_new_version_forgets_why_the_old_one_failed(layout, write, newer):
    write(layout, ledger(A, B))
    failed(layout, "1.2")
    failed(layout, "1.3")
    write(layout, ledger(newer, B))
    assert Records(layout).failures.find(series_subject("1.2")) is None
    assert Records(layout).failures.find(series_subject("1.3")) is not None
    assert found_series(layout, "1.2") == newer


@pytest.mark.parametrize("write", [write_scan, write_arrivals])
def test_the_same_version_stays_failed(layout, write):
    write_scan(layout, ledger(A))
    failed(layout, "1.2")
    moved = series("1.2", "a", input_dir="/elsewhere")
    write(layout, ledger(moved))
    assert Records(layout).failures.find(series_subject("1.2")).message == "no pixels"
    assert found_series(layout, "1.2").input_dir == "/elsewhere"


def test_series_that_stand_as_they_are_stay_failed(layout):
    write_arrivals(layout, ledger(A))
    failed(layout, "1.2")
    write_arrivals(layout, ledger(B), ["1.2"])
    assert Records(layout).failures.find(series_subject("1.2")) is not None


def test_a_damaged_entry_is_written_anew(layout):
    write_scan(layout, ledger(A))
    layout.found("1.2").write_bytes(b"")
    write_scan(layout, ledger(A))
    assert found_series(layout, "1.2") == A


def test_slices_that_other_series_of_both_ledgers_admit(layout):
    refused = replace(B.slices[1], judgement=Judgement("refused", Reason.LOCALIZER, "scout"))
    assert admitted_elsewhere(layout, "1.2") == set()
    write_scan(layout, ledger(OF_SCAN, C, folder="/in"))
    write_arrivals(layout, ledger(A, replace(B, slices=(B.slices[0], refused))))
    assert admitted_elsewhere(layout, "1.2") == {"1.1.0", "1.3.0", "1.4.0"}
    layout.found("1.4").write_text("")
    assert admitted_elsewhere(layout, "1.3") == {"1.1.0", "1.2.0"}
