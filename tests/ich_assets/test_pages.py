"""The worklist and the series pages of a real batch: what they hold, beside the tables."""

import json
import re

import pandas as pd
import pytest
from browser import browser

from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.readme import FILES


def _data(path) -> dict:
    text = path.read_text()
    return json.loads(text.partition('id="data">')[2].partition("</script>")[0])


def test_the_worklist_says_what_the_tables_say(finished_demo):
    output = finished_demo.place.output
    data = _data(output / "worklist.html")
    table = pd.read_csv(output / "predictions_per_series.csv")
    rows = {row["u"]: row for row in data["rows"]}
    ledger = pd.read_csv(output / "series_ledger.csv", dtype=str, keep_default_na=False)
    assert set(rows) == set(ledger["series_id"])
    scored = table[table["slices_scored"] > 0]
    assert {u for u, row in rows.items() if "p" in row} == set(scored["series_id"])
    for _, line in scored.iterrows():
        row = rows[line["series_id"]]
        assert row["p"][0] == line["max_any"]
        assert row["p"][1:] == pytest.approx(
            [line[f"max_{name}"] for name in CLASSES[1:]], abs=1e-4
        )
        assert row["n"][:2] == [line["slices_found"], line["slices_scored"]]
        checkpoints = [p for folds in row["g"].values() for p in folds]
        assert min(checkpoints) <= row["p"][0] <= max(checkpoints)
        assert len(checkpoints) == 3 and row["page"] and row["u"] in data["pictures"]
    files = pd.read_csv(output / "slices_not_scored.csv", dtype=str, keep_default_na=False)
    assert sum(group["n"] for group in data["unscored"]) == len(files)
    assert data["banners"] == ["UNTRAINED STAND-IN WEIGHTS: these numbers mean nothing"]


def test_a_series_page_links_to_its_panels(finished_demo):
    output, uid = finished_demo.place.output, finished_demo.study.plain_series
    data = _data(output / "series" / f"{uid}.html")
    panels = {path.name for path in (output / "saliency_panels" / uid).glob("*.png")}
    assert {one["panel"] for one in data["slices"]} == panels and len(panels) == 3
    assert data["sides"] == ["RLAP"] * 3
    assert len(data["gray"]) == len(data["maps"]) == len(data["p"]) == 3


def test_the_readme_names_every_file_of_the_folder(finished_demo):
    output = finished_demo.place.output
    there = {path.name + "/" * path.is_dir() for path in output.iterdir()} - {"README.txt"}
    assert there <= set(FILES)
    assert "WARNING: made with untrained stand-in weights" in (output / "README.txt").read_text()


def test_both_pages_open_in_a_browser(finished_demo, tmp_path):
    output, uid = finished_demo.place.output, finished_demo.study.plain_series
    with browser(tmp_path) as page:
        page.open(output / "worklist.html")
        assert page.value("document.querySelectorAll('#list > li').length") > 0
        address = page.value("document.querySelector('#list .open').href")
        assert re.fullmatch(r"file://.*/output/series/[0-9.]+\.html", address)
        page.open(output / "series" / f"{uid}.html")
        assert page.value("$('gray').naturalWidth") == 256
        assert page.complaints == []
