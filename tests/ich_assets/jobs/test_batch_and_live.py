"""A batch in the RUN_ROOT of an inbox: what came into the inbox keeps its rows and its numbers."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ich_resources.series import Ledger
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import write_arrivals

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from made_results import MadeSeries

pytestmark = pytest.mark.slow


def test_a_batch_with_other_options_removes_no_live_row(demo_copy, finished_demo):
    layout = Layout(demo_copy.results)
    live = [MadeSeries(layout, number, np.random.default_rng(number), 4) for number in (1, 2)]
    write_arrivals(layout, Ledger(("/in",), tuple(m.series for m in live), (), 8, 0))
    live[0].score()
    batch = {finished_demo.study.plain_series, finished_demo.study.bleed_series}
    done = demo_copy.batch()
    assert done.status == 0, done.text
    assert "nothing to do" in done.text

    table = _read(demo_copy, "predictions_per_series.csv").set_index("series_id")
    assert set(table.index) == batch | {made.uid for made in live}
    scored = table[table["rank"] != ""]
    assert set(scored.index) == batch | {live[0].uid}
    assert scored["max_any"].astype(float).is_monotonic_decreasing
    assert table.loc[live[1].uid, "state"] == "waiting"
    ledger = _read(demo_copy, "series_ledger.csv")
    assert set(table.index) <= set(ledger["series_id"])
    slices = _read(demo_copy, "slices.csv")
    assert set(slices["series_id"]) == batch | {live[0].uid}
    assert len(_read(demo_copy, "predictions_per_slice.csv")) == len(slices) == 3 + 3 + 4
    studies = _read(demo_copy, "predictions_per_study.csv").set_index("study_id")
    assert len(studies) == 3 and studies.loc[finished_demo.study.study, "series"] == "2"
    assert "tables over series:" in layout.worklist.read_text()


def _read(place, name: str) -> pd.DataFrame:
    return pd.read_csv(place.output / name, dtype=str, keep_default_na=False)
