"""Foreign text neither runs in a spreadsheet nor commands a terminal; ordinary text stays."""

import pandas as pd
import pytest

from ich_resources.errors import DicomError
from ich_resources.plain_text import cell, lines, one_line
from ich_resources.reasons import Reason
from ich_resources.series import Judgement
from ich_resources.storage.slice_tables import csv_bytes


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+cmd", "'+1+cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1+1", "' =1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        ("a;=1+1", "a;'=1+1"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("two\nlines", r"two\nlines"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("Sch\udce4del", r"Sch\udce4del"),
    ],
)
def test_a_cell_that_would_run_or_command(text, safe):
    assert cell(text) == safe
    assert cell(safe) == safe


@pytest.mark.parametrize(
    "text",
    ["", "-3.5", "+2", "-1e-05", "Kopf nativ 5.0 H31s", "a/b c.dcm", "x; y", "頭部", "C:\\a"],
)
def test_ordinary_text_and_numbers_stay(text):
    assert cell(text) == one_line(text) == text


def test_lines_keep_their_breaks_and_nothing_else():
    assert lines("a\n  b\x1b[2J\r") == "a\n  b" + r"\x1b[2J\r"


def test_a_table_escapes_texts_and_keeps_numbers():
    table = pd.DataFrame(
        {
            "text": ["=1", "-3.5", None],
            "number": [-3.5, 1.0, None],
            "mixed": [1, None, "@x\n"],
            "flag": [True, False, True],
        }
    )
    assert csv_bytes(table).decode() == (
        "text,number,mixed,flag\n'=1,-3.5,1,True\n-3.5,1.0,,False\n,,'@x\\n,True\n"
    )


def test_errors_and_judgements_are_one_line():
    error = DicomError("broken", path="a\n\x1b[2J.dcm", remedy="mend it")
    assert str(error) == r"broken [a\n\x1b[2J.dcm] -> mend it"
    assert Judgement("failed", Reason.UNREADABLE, "a\nb").reason == r"a\nb"
