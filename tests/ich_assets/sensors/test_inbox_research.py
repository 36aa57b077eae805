"""Research data through the inbox: words as identifiers become partitions and runs."""

import pydicom
import pytest
from inbox import Inbox, head
from research import write_research

from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series


@pytest.fixture
def inbox(tmp_path) -> Inbox:
    return Inbox(tmp_path, ahead=3)


@pytest.mark.parametrize("named", [False, True])
def test_a_flat_folder_of_words_gets_a_run_for_each_series(inbox, tmp_path, named):
    for i in range(3):
        names = (f"ID_{i:010x}", f"ID_{i + 9:010x}")
        stems = [f"ID_{i:04x}{k:05x}" for k in range(4)]
        write_research(inbox.folder, names, stems, tmp_path / f"x{i}", named=named)
    result = inbox.settled()
    series = [f"ID_{i + 9:010x}" for i in range(3)]
    assert sorted(request.partition_key for request in result.run_requests) == series
    table = inbox.table()
    assert table["state"].to_dict() == dict.fromkeys(series, "admitted")
    assert table["admitted"].to_list() == ["4"] * 3
    found = found_series(Layout(inbox.run_root), series[0])
    assert {s.sop_instance_uid for s in found.slices} == {f"ID_0000{k:05x}" for k in range(4)}


def test_the_same_image_twice_counts_once_in_the_inbox(inbox):
    series = head(inbox, slices=3)
    for path in (inbox.folder / "head").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName = "CASE^CORRECTED"
        (inbox.folder / "again").mkdir(exist_ok=True)
        dataset.save_as(inbox.folder / "again" / path.name)
    (request,) = inbox.settled().run_requests
    assert request.partition_key == series
    row = inbox.table().loc[series]
    assert row[["admitted", "failed", "codes"]].to_list() == ["3", "0", "SENT_AGAIN"]


def test_two_studies_whose_slices_have_one_file_name_are_judged_together(inbox):
    first, second = head(inbox, "a", study="s"), head(inbox, "b", study="t")
    for name, sop in (("a", "7"), ("b", "ID_7")):
        path = inbox.folder / name / "IM0001"
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = sop
        dataset.save_as(path)
    inbox.settled()
    table = inbox.table()
    for series in (first, second):
        assert table.loc[series, ["admitted", "failed"]].to_list() == ["2", "1"]
        assert "DUPLICATE_UID" in table.loc[series, "codes"]
