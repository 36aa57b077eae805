"""The tables over series and studies: ranks, marks, and the bytes of a line."""

import csv
import io
from dataclasses import replace

import pandas as pd
import pytest
from kept_rows import row

from ich_resources.storage.csv_cells import csv_cell, csv_line
from ich_resources.storage.earlier import rows_of_table, with_earlier_number
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.layout import Layout
from ich_resources.storage.prediction_tables import PER_SERIES_COLUMNS, UIDS
from ich_resources.storage.series_tables import per_series_csv
from ich_resources.storage.slice_tables import csv_bytes
from ich_resources.storage.study_table import PER_STUDY_COLUMNS, per_study_csv
from ich_resources.storage.table_rows import TableRow
from ich_resources.whole_files import write_whole


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.mark.parametrize(
    "values",
    [
        ["plain", 'with "quotes"', "with, comma", "line\nbreak", "=1+1", "", "semi;=2"],
        [0.1 + 0.2, 1e-7, 1.0, None, float("nan"), 5e-324],
        [True, False, None, 7, -1],
    ],
)
def test_a_line_has_the_bytes_of_the_whole_table(values):
    columns = [f"c{i}" for i in range(len(values))]
    table = pd.DataFrame([values], columns=columns, dtype=object)
    assert csv_line(values).encode() == csv_bytes(table).split(b"\n", 1)[1]
    assert csv_line(columns) == ",".join(columns) + "\n"


def test_only_a_series_with_a_number_has_a_rank():
    rows = [
        row("1.1", None, state="waiting"),
        row("1.5", 0.25),
        row("1.4", 0.5),
        row("1.3", 0.5),
        row("1.0", None, state="failed"),
        row("1.6", None, state="refused"),
    ]
    found = read(per_series_csv(rows, None))
    assert list(found[0]) == ["rank", *PER_SERIES_COLUMNS, *UIDS]
    assert [(line["rank"], line["series_id"]) for line in found] == [
        ("1", "1.3"),
        ("2", "1.4"),
        ("3", "1.5"),
        ("", "1.0"),
        ("", "1.1"),
    ]
    assert [line["max_any"] for line in found] == ["0.5", "0.5", "0.25", "", ""]
    assert found[0]["description"] == 'a, "b"\\n=1+1'


def test_columns_that_are_there_only_where_they_are_needed():
    phantoms = row("1.1", 0.5)
    phantoms.cells["trained_on"] = "phantoms"
    rows = [phantoms, row("1.2", 0.25), row("1.3", None, state="failed")]
    found = read(per_series_csv(rows, Flagging(0.5)))
    assert list(found[0]) == ["rank", "flagged", *PER_SERIES_COLUMNS, "trained_on", *UIDS]
    assert [line["flagged"] for line in found] == ["True", "False", ""]
    assert [line["trained_on"] for line in found] == ["phantoms", "", ""]


def test_an_earlier_number_keeps_its_rank_and_is_marked():
    before = row("1.1", 0.75, counts=(26, 26, 0, 0, 0), slices=26, doubts=("folds_agree",))
    waiting = with_earlier_number(row("1.1", None, state="waiting", doubts=("CONTRAST",)), before)
    assert waiting.doubts == ("CONTRAST", "folds_agree"), "they are about the number"
    assert waiting.page["f"] == list(waiting.doubts)
    assert waiting.earlier == "26 of 28 slices, being scored again"
    first, _ = read(per_series_csv([row("1.2", 0.5), waiting], Flagging(0.6)))
    assert (first["rank"], first["series_id"], first["max_any"]) == ("1", "1.1", "0.75")
    assert (first["state"], first["slices_scored"], first["flagged"]) == ("waiting", "0", "True")
    assert first["earlier_result"] == waiting.earlier
    assert (first["checkpoints"], first["slice_number_of_max_any"]) == ("made", "7")
    assert waiting.page["p"] == [0.75] and waiting.page["s"] == "waiting"
    assert waiting.page["e"] == waiting.earlier
    # Also if the new run fails or the slices are refused, one after the other.
    failed = with_earlier_number(row("1.1", None, state="failed"), waiting)
    assert failed.earlier == "26 of 28 slices, of an earlier version: the new run failed"
    refused = with_earlier_number(row("1.1", None, state="refused"), failed)
    assert refused.listed and refused.earlier.endswith("its slices are refused now")
    # A new result takes its place, also a lower one.
    now = row("1.1", 0.25)
    assert with_earlier_number(now, refused) == now
    assert with_earlier_number(row("1.3", None), None).p_any is None


def test_without_kept_rows_the_table_itself_says_what_the_last_number_was(tmp_path):
    layout = Layout(tmp_path)
    before = row("1.1", 0.1 + 0.2, counts=(26, 26, 0, 0, 0), slices=26)
    before.cells["slices_scored"] = "26"
    waiting = with_earlier_number(row("1.1", None, state="waiting"), before)
    for written in (before, waiting):
        table = per_series_csv([written, row("1.2", None, state="failed")], None)
        write_whole(layout.output / "predictions_per_series.csv", table, "x")
        known = rows_of_table(layout)
        assert known.keys() == {"1.1"}
        again = with_earlier_number(row("1.1", None, state="waiting"), known["1.1"])
        assert (again.p_any, again.earlier) == (0.1 + 0.2, waiting.earlier)
        assert again.cells["max_subdural"] == csv_cell((0.1 + 0.2) / 6)
        assert (again.page["k"], again.page["t3"], again.worth) == (6, None, "patients")
    for content in (b"", b"rank,series_id\n1,1.1\n", b"\xff\x00"):
        write_whole(layout.output / "predictions_per_series.csv", content, "x")
        assert rows_of_table(layout) == {}


def test_a_study_is_ranked_by_its_primary_series_and_marked():
    rows = [
        row("1.1", 0.5, study="1.21", primary=True),
        row("1.2", 0.25, study="1.21"),
        row("2.1", 0.75, study="1.22", primary=True, doubts=("BONE_KERNEL",)),
        row("3.1", 0.25, study="1.23", primary=True),
        row("3.2", 0.5, study="1.23"),
        row("4.1", None, study="1.24", state="failed", primary=True),
        row("5.1", None, study="1.25", state="waiting", primary=True),
        row("5.2", 0.875, study="1.25"),
        row("6.1", None, study="1.26", state="refused"),
    ]
    found = read(per_study_csv(rows, Flagging(0.5)))
    assert list(found[0]) == ["rank", "flagged", *PER_STUDY_COLUMNS, *UIDS]
    shown = [
        (line["rank"], line["flagged"], line["study_id"], line["max_any"], line["attention"])
        for line in found
    ]
    assert shown == [
        ("1", "True", "1.22", "0.75", "the primary series is doubtful (BONE_KERNEL)"),
        ("2", "True", "1.21", "0.5", ""),
        ("3", "False", "1.23", "0.25", "another series has a higher P(any)"),
        (
            "",
            "",
            "1.25",
            "",
            "the primary series is waiting; another series has a higher P(any)",
        ),
        ("", "", "1.24", "", "the primary series is failed"),
    ]
    assert [line["series"] for line in found] == ["1", "2", "2", "2", "1"]
    assert (found[3]["highest_other_max_any"], found[3]["highest_other_series_id"]) == (
        "0.875",
        "5.2",
    )


def test_a_study_whose_primary_is_scored_again_keeps_its_rank_and_says_so():
    before = row("1.1", 0.75, primary=True)
    waiting = with_earlier_number(row("1.1", None, state="waiting", primary=True), before)
    first, second = read(per_study_csv([waiting, row("2.1", 0.5, study="1.21")], None))
    assert (first["rank"], first["max_any"], first["state"]) == ("1", "0.75", "waiting")
    assert first["attention"] == "the primary series is waiting"
    assert first["earlier_result"] == "28 of 28 slices, being scored again"
    assert second["rank"] == "2"


def test_a_row_survives_the_way_through_json():
    kept = row("1.1", 0.1 + 0.2, doubts=("CONTRAST",), unscored=({"n": 1},))
    assert TableRow.from_json(kept.to_json()) == kept
    assert replace(kept, p_any=0.3) != kept
