"""docs/codes.md names every reason code of the code, with its verdict, and no other."""

import ast
import re

import pytest

from ich_resources import arrivals
from ich_resources.dicom.policy import PIXEL_REMARKS, REMARK_CODES, verdicts
from ich_resources.inbox import lifecycle
from ich_resources.reasons import Reason
from ich_resources.storage import arrival_tables, ledger_tables, prediction_tables
from ich_resources.storage.outcome import NOT_RUN
from ich_resources.storage.resource import HANG

REFUSED = "## Refused slices and files"
REMARKS = "## Remarks on a whole series"
OBJECTS = "## A remark on DICOM objects"
FAILED = "## Failed slices and files"
WHOLE = "## A series that failed as a whole"


@pytest.fixture(scope="module")
def page(pytestconfig) -> str:
    return (pytestconfig.rootpath / "docs" / "codes.md").read_text(encoding="utf-8")


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """Return the further cells of each row below a heading, by the code in its first cell."""
    section = page[page.index(f"{heading}\n") + len(heading) :].partition("\n## ")[0]
    cells = [re.findall(r"[^|]+", line) for line in section.splitlines() if line.startswith("| `")]
    found = {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}
    assert len(found) == len(cells), "a code has two rows"
    assert all(all(row) for row in found.values()), "a cell is empty"
    return found


def reasons_used_as(pytestconfig, verdict: str) -> set[str]:
    """Return the codes that the DICOM package gives to a verdict, read from its source."""
    call = re.compile(rf'(?:_{verdict}\(|Judgement\("{verdict}", )\s*Reason\.([A-Z_]+)')
    folder = pytestconfig.rootpath / "ich_resources" / "dicom"
    return {code for path in folder.glob("*.py") for code in call.findall(path.read_text())}


def test_every_code_has_one_row_and_no_other_has(page):
    tables = [set(rows(page, heading)) for heading in (REFUSED, REMARKS, OBJECTS, FAILED)]
    assert set.union(*tables) == {str(code) for code in Reason}
    assert sum(map(len, tables)) == len(Reason)


def test_the_remarks_have_their_default_verdict(page):
    found = rows(page, REMARKS)
    pixels = set(map(str, PIXEL_REMARKS))
    assert set(found) == {*map(str, REMARK_CODES), str(Reason.BETTER_SIBLING)} | pixels
    assert {found[code][0] for code in pixels} == {"warned, after decoding"}
    words = {"refuse": "refused", "warn": "warned"}
    defaults = {str(code): words[verdict] for code, verdict in verdicts({}).items()}
    assert {code: row[0] for code, row in found.items() if code in defaults} == defaults
    assert found["BETTER_SIBLING"][0] == "refused, only with `dicom.primary_only`"


def test_the_verdicts_are_those_of_the_code(page, pytestconfig):
    refused, failed = (reasons_used_as(pytestconfig, verdict) for verdict in ("refused", "failed"))
    assert refused
    assert refused == set(rows(page, REFUSED))
    assert failed
    assert failed <= set(rows(page, FAILED))


def test_the_codes_of_whole_series(page, pytestconfig):
    """Those that the code writes as text: ``code="STALE"``."""
    written = set()
    for path in (pytestconfig.rootpath / "ich_assets").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                value = node.value
                written |= {value.value} if isinstance(value, ast.Constant) else set()
    written |= {lifecycle.RUN_DIED, HANG}
    assert {"CHECK_FAILED", "STALE", "RUN"} <= written
    assert set(rows(page, WHOLE)) == written | {NOT_RUN}


def test_the_states_of_the_inbox_are_explained(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "live.md").read_text(encoding="utf-8")
    states = arrivals.ArrivalState.__args__
    assert re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE) == list(states)


def test_the_columns_that_hold_codes_are_there(page):
    columns = {
        "slices_not_scored.csv": ledger_tables.NOT_SCORED_COLUMNS,
        "series_ledger.csv": ledger_tables.LEDGER_COLUMNS,
        "predictions_per_series.csv": prediction_tables.PER_SERIES_COLUMNS,
        "inbox_ledger.csv": arrival_tables.INBOX_COLUMNS,
    }
    for file, names in columns.items():
        (row,) = re.findall(rf"^\| `output/{file}`, columns? ([^|]+)\|", page, re.MULTILINE)
        named = re.findall(r"`([a-z]+)`", row)
        assert named
        assert set(named) <= set(names), file
