"""Scanner and thickness: from the files to the subgroups of an evaluation."""

import json

import numpy as np
import pandas as pd
import pydicom
import pytest
from evaluated import MadeSeries, write_run_root
from ledgers import only_series, scan

from ich_resources.demo.study import write_series
from ich_resources.evaluation.evaluate import evaluate
from ich_resources.evaluation.outcome import Options
from ich_resources.evaluation.page import evaluation_page
from ich_resources.evaluation.page_parts import Pictures
from ich_resources.evaluation.report import first_line, tables
from ich_resources.labels import Labels
from ich_resources.series import Ledger, SeriesRecord
from ich_resources.storage.evaluation_tables import write_table
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import find_series, write_scan
from ich_resources.storage.scored_tables import read_scores

FORMULA, MARKUP = "=HYPERLINK(1)", "<script>x</script>\x1b[31m"
# P(any) and label of each series, on two scanners and one that an earlier version scanned.
MADE = {
    "1.1": (0.8, 1, "Siemens", "Definition  AS", 1.0),
    "1.2": (0.6, 0, "SIEMENS ", "Definition AS", 3.0),
    "1.3": (0.4, 1, "Siemens", "Force", 3.0),
    "1.4": (0.2, 0, "Siemens", "Force", 5.0),
    "1.5": (0.9, 1, FORMULA, MARKUP, None),
    "1.6": (0.1, 0, FORMULA, MARKUP, None),
    "1.7": (0.7, 0, "", "", None),
    "1.8": (0.7, 0, "", "", None),
    "1.9": (0.3, 1, None, None, None),
}


@pytest.fixture
def layout(tmp_path):
    made = [MadeSeries(uid, f"S{uid}", [f"{uid}.0"], [(row[0],) * 6]) for uid, row in MADE.items()]
    write_run_root(tmp_path, made)
    records = [
        SeriesRecord(f"S{uid}", uid, "", (), manufacturer=maker, model=model, thickness=mm)
        for uid, (*_, maker, model, mm) in MADE.items()
    ]
    layout = Layout(tmp_path)
    write_scan(layout, Ledger(("/in",), tuple(records), (), 9, 0))
    return layout


def _judged(layout):
    values = np.array([[row[1]] * 6 for row in MADE.values()], np.float32)
    labels = Labels("series", tuple(MADE), values)
    return evaluate(read_scores(layout), labels, Options(bootstrap=0, threshold=0.5))


def _rows(found):
    return {(g.column, g.value): (g.cases, g.positives, g.auc) for g in found.subgroups}


def test_each_scanner_is_judged_alone(layout):
    found = _judged(layout)
    rows = _rows(found)
    # .8 and .4 against .6 and .2: three of four pairs.
    assert rows["manufacturer", "SIEMENS"] == (4, 2, 0.75)
    assert rows["manufacturer", FORMULA] == (2, 1, None)
    assert rows["manufacturer", "not named in the files"] == (2, 0, None)
    assert rows["manufacturer", "not recorded"] == (1, 1, None)
    assert rows["model", "DEFINITION AS"] == (2, 1, None)
    assert rows["model", "FORCE"] == (2, 1, None)
    (siemens,) = [g for g in found.subgroups if g.value == "SIEMENS"]
    assert siemens.remark == "fewer than 10 positives"
    # Placements 1, 1/2 and 1/2, 1: variances 1/8, SE 0.353553; logit 1.098612 +- 1.96 * 1.885618.
    bounds = (siemens.interval.low, siemens.interval.high)
    assert bounds == pytest.approx((0.0693, 0.9918), abs=1e-4)
    assert rows["slice thickness", "2 to 4 mm"] == (2, 1, None)
    assert rows["slice thickness", "above 4 mm"] == (1, 0, None)


def test_hostile_names_run_nowhere(layout):
    found = _judged(layout)
    rows, columns = tables(found)["subgroups.csv"]
    path = layout.run_root / "subgroups.csv"
    write_table(path, first_line(found), rows, columns)
    values = set(pd.read_csv(path, skiprows=1, dtype=str)["value"])
    assert f"'{FORMULA}" in values and FORMULA not in values
    assert "<SCRIPT>X</SCRIPT>\\x1b[31M" in values and b"\x1b" not in path.read_bytes()
    page = evaluation_page(found, Pictures())
    assert "&lt;SCRIPT&gt;" in page and "<SCRIPT>" not in page and "\x1b" not in page


def test_a_run_root_of_an_earlier_version_says_not_recorded(layout):
    for uid in MADE:
        path = layout.found(uid)
        value = json.loads(path.read_text())
        for name in ("manufacturer", "model", "thickness"):
            del value[name]
        path.write_text(json.dumps(value))
    rows = _rows(_judged(layout))
    assert rows["manufacturer", "not recorded"][:2] == rows["model", "not recorded"][:2] == (9, 4)
    assert {column for column, _ in rows} == {"manufacturer", "model"}
    layout.found("1.1").write_text("{")  # damaged
    layout.found("1.2").unlink()
    assert _rows(_judged(layout)) == rows


def test_the_scan_reads_the_scanner_of_a_series(tmp_path):
    paths = write_series(tmp_path / "in", name="head", slices=3, bleed=True, size=64)
    for path, thickness in zip(paths, (4.0, 5.0, 7.0), strict=True):
        dataset = pydicom.dcmread(path)
        dataset.Manufacturer, dataset.ManufacturerModelName = FORMULA, "M" * 65
        dataset.SliceThickness = thickness
        dataset.save_as(path)
    series = only_series(scan(tmp_path / "in"))
    assert (series.manufacturer, series.model, series.thickness) == (FORMULA, "", 5.0)
    layout = Layout(tmp_path / "run")
    write_scan(layout, scan(tmp_path / "in"))
    assert find_series(layout, series.series_instance_uid) == series
