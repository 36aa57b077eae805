"""The ledger survives its file."""

import json
import os

import pytest

from ich_resources.errors import StorageError
from ich_resources.reasons import Reason
from ich_resources.series import (
    Judgement,
    Ledger,
    Remark,
    SeriesRecord,
    SliceRecord,
    UnassignedFile,
)
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import find_series, read_ledger, write_scan

SCAN = SeriesRecord(
    "1.1",
    "1.2",
    "Schädel nativ",
    (
        SliceRecord("a/b.dcm", "1.2.1", "aa", None, -12.25, 0.1, ("copy1", "copy2")),
        SliceRecord("c", "1.2.2", "bb", Judgement("failed", Reason.NO_PIXELS, "no PixelData")),
        SliceRecord(os.fsdecode(b"Sch\xe4del"), "1.2.3", "cc", None, 0.1 + 0.2, None),
    ),
    remarks=(Remark(Reason.SLICE_GAP, "one gap"),),
    primary=True,
    manufacturer="SIEMENS",
    model="",
    thickness=2.5,
)
SCOUT = SeriesRecord(
    "1.1",
    "1.3",
    "",
    (SliceRecord("s", "1.3.1", "dd", Judgement("refused", Reason.LOCALIZER, "scout")),),
)
UNASSIGNED = UnassignedFile("DICOMDIR", Judgement("refused", Reason.DICOMDIR, "a directory"))
LEDGER = Ledger(("/in",), (SCAN, SCOUT), (UNASSIGNED,), files_seen=9, files_not_dicom=3)


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.mark.parametrize("ledger", [LEDGER, Ledger(("/in",), (), (), 0, 0)], ids=["full", "empty"])
def test_round_trip(layout, ledger):
    write_scan(layout, ledger)
    found = read_ledger(layout)
    assert found == ledger
    assert [s.version for s in found.series] == [s.version for s in ledger.series]


def test_the_index_keeps_the_keys_of_earlier_versions(layout):
    write_scan(layout, LEDGER)
    judgement = {"state": "refused", "code": "DICOMDIR", "reason": "a directory"}
    assert json.loads(layout.ledger.read_text(encoding="utf-8")) == {
        "input_dirs": ["/in"],
        "series": ["1.2", "1.3"],
        "strays": [{"path": "DICOMDIR", "judgement": judgement}],
        "files_seen": 9,
        "files_not_dicom": 3,
        "files_arriving": 0,
    }


def test_reason_codes_are_codes_again(layout):
    write_scan(layout, LEDGER)
    found = read_ledger(layout)
    assert isinstance(found.series[0].slices[1].judgement.code, Reason)
    assert found.unassigned[0].judgement.code is Reason.DICOMDIR


def test_find_series(layout):
    write_scan(layout, LEDGER)
    assert find_series(layout, "1.3") == SCOUT
    with pytest.raises(StorageError, match="not in the ledger") as caught:
        find_series(layout, "1.4")
    assert caught.value.series == "1.4"
    assert "series_ledger" in caught.value.remedy


def test_nothing_scanned_yet(layout):
    with pytest.raises(StorageError, match="does not exist") as caught:
        read_ledger(layout)
    assert caught.value.path == layout.ledger
    assert caught.value.remedy.startswith("materialise series_ledger")
