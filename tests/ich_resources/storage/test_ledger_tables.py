"""The ledger as people read it: nothing found is missing from it."""

import pytest

from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Remark, SeriesRecord, SliceRecord, UnassignedFile
from ich_resources.storage.failures import Failure
from ich_resources.storage.ledger_tables import (
    LEDGER_COLUMNS,
    NOT_SCORED_COLUMNS,
    ledger_table,
    not_scored_table,
)
from ich_resources.storage.outcome import judge_outcome

LOCALIZER = Judgement("refused", Reason.LOCALIZER, "a localizer")
SCAN = SeriesRecord(
    "1.20",
    "1.10",
    "head, 5 mm",
    (
        SliceRecord("a", "1.1", "d", copies=("a1", "a2")),
        SliceRecord("b", "1.2", "d", Judgement("failed", Reason.NO_PIXELS, "no PixelData")),
        SliceRecord("c", "1.3", "d", LOCALIZER, copies=("c1",)),
    ),
    remarks=(
        Remark(Reason.GANTRY_TILT, "tilted by 18.5 degrees"),
        Remark(Reason.CONTRAST, "agent"),
    ),
    primary=True,
)
SCOUT = SeriesRecord("1.20", "1.11", "", (SliceRecord("s", "1.4", "d", LOCALIZER),))
UNASSIGNED = UnassignedFile("DICOMDIR", Judgement("refused", Reason.DICOMDIR, "a directory"))
FAILURE = Failure("processed_series", "E", "no use")
OUTCOMES = [judge_outcome(SCAN, {}, FAILURE), judge_outcome(SCOUT, {}, None)]


def test_a_row_per_series_taken_or_not():
    scan, scout = ledger_table(OUTCOMES).to_dict("records")
    expected = {
        "series_id": "1.10",
        "study_id": "1.20",
        "description": "head, 5 mm",
        "state": "failed",
        "found": 3,
        "scored": 0,
        "refused": 1,
        "failed": 2,
        "waiting": 0,
        "copies": 3,
        "reasons": "LOCALIZER, NO_PIXELS, SERIES_FAILED",
        "remarks": "GANTRY_TILT: tilted by 18.5 degrees; CONTRAST: agent",
        "primary": True,
        "failure": "no use",
    }
    assert tuple(scan) == LEDGER_COLUMNS
    assert scan == expected
    assert (scout["state"], scout["found"], scout["refused"]) == ("refused", 1, 1)


@pytest.mark.parametrize("failure", [None, FAILURE])
def test_counts_add_up(failure):
    table = ledger_table([judge_outcome(s, {}, failure) for s in (SCAN, SCOUT)])
    assert (table["found"] == table[["scored", "refused", "failed", "waiting"]].sum(axis=1)).all()


def test_a_row_per_slice_or_file_that_was_not_scored():
    table = not_scored_table(OUTCOMES, [UNASSIGNED])
    assert list(table.columns) == list(NOT_SCORED_COLUMNS)
    assert table[["path", "series_id", "state", "code"]].to_numpy().tolist() == [
        ["b", "1.10", "failed", "NO_PIXELS"],
        ["c", "1.10", "refused", "LOCALIZER"],
        ["a", "1.10", "failed", "SERIES_FAILED"],
        ["s", "1.11", "refused", "LOCALIZER"],
        ["DICOMDIR", "", "refused", "DICOMDIR"],
    ]
    assert table["reason"].str.len().min() > 0


def test_nothing_found_gives_headers_only():
    assert ledger_table([]).to_csv(index=False) == ",".join(LEDGER_COLUMNS) + "\n"
    assert not_scored_table([], []).to_csv(index=False) == ",".join(NOT_SCORED_COLUMNS) + "\n"
