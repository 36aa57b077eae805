"""A drop of many series, broken in every way, and a power cut in the middle: none is lost."""

import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from drop import write_drop
from live import FINISHED, Webserver, materialised_partitions, wait

pytestmark = pytest.mark.slow

SERIES = int(os.environ.get("ICH_DROP", "20"))
SECONDS = 240 + 8 * SERIES


@pytest.mark.timeout(2 * SECONDS)
def test_every_series_of_a_drop_ends_with_its_code_whatever_dies_in_between(site):
    expected = write_drop(Path(site.environment["DICOM_INBOX"]), SERIES)
    finished = site.results / "state" / "series"
    server = Webserver(site.environ(), site.root / "log")
    try:
        assert wait(SECONDS, lambda: len(list(finished.glob("*/saliency_panels.json"))) >= 3)
    finally:
        server.kill()
    server = Webserver(site.environ(), site.root / "log")
    try:
        assert wait(SECONDS, lambda: _ended(site, server, len(expected))), _table(site)
        runs = server.runs()
        materialised = set(materialised_partitions(server, "saliency_panels"))
    finally:
        server.stop()
    table = _table(site)
    assert {uid: row["state"] for uid, row in table.iterrows()} == {
        uid: state for uid, (state, _) in expected.items()
    }
    assert {uid: code in table.loc[uid, "codes"] for uid, (_, code) in expected.items()} == (
        dict.fromkeys(expected, True)
    )
    assert all(table.loc[uid, "sentence"] for uid in expected)
    # None twice: a series that was done before the cut is not done again.
    done = {uid for uid, (state, _) in expected.items() if state in ("done", "incomplete")}
    succeeded = Counter(
        run["tags"]["dagster/partition"]
        for run in runs
        if run["pipelineName"] == "ich_series" and run["status"] == "SUCCESS"
    )
    assert set(succeeded.values()) == {1}
    # The power cut may have caught one series between its last record and the end of its run.
    assert len(done - set(succeeded)) <= 1
    assert set(succeeded) <= done == materialised
    scored = pd.read_csv(site.output / "predictions_per_series.csv", dtype=str)
    assert set(scored.loc[scored["slices_scored"] != "0", "series_id"]) == done
    assert scored["series_id"].is_unique


def _table(site) -> pd.DataFrame:
    path = site.output / "inbox_ledger.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("series_id")


def _ended(site, server: Webserver, series: int) -> bool:
    table = _table(site)
    ends = ("done", "incomplete", "failed", "refused")
    ended = len(table) == series and table["state"].isin(ends).all()
    return ended and all(run["status"] in FINISHED for run in _outer(server))


def _outer(server: Webserver) -> list[dict]:
    """The runs that the sensor requested; an inner run that was killed stays as it was."""
    return [run for run in server.runs() if "ich/offer" in run["tags"]]
