"""Services that are stopped while a run is at work: the run is requested again, nothing fails."""

import os
import signal
from pathlib import Path

import pandas as pd
import pytest
from live import wait, webserver

from ich_resources.demo.study import uid, write_series

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_with_the_services_is_made_again(site, number):
    """Ctrl-C in the terminal of ``make up``, and the stop of a service, reach every process."""
    inbox, log = Path(site.environment["DICOM_INBOX"]), site.root / "log"
    write_series(inbox / "head", name="head", slices=40, bleed=True, size=64)
    (inbox / "head" / ".done").touch()
    series = uid("demo", "head")
    begun = site.results / "state" / "series" / series / "processed_series.json"
    with webserver(site.environ(), log) as server:
        assert wait(180, begun.is_file), server.runs()
        os.killpg(server.process.pid, number)
        assert wait(60, lambda: server.process.poll() is not None), log.read_text()[-3000:]
        last = begun.with_name("saliency_panels.json")
        assert not last.exists(), "the run was over before it could be stopped"
    with webserver(site.environ(), log) as server:
        assert wait(180, lambda: _row(site.output)["state"] == "done"), _row(site.output)
        first, second = server.runs()
    assert (first["status"], second["status"]) == ("FAILURE", "SUCCESS")
    assert {run["tags"]["dagster/partition"] for run in (first, second)} == {series}


def _row(output: Path) -> dict[str, str]:
    (row,) = pd.read_csv(output / "inbox_ledger.csv", dtype=str).to_dict("records")
    assert row["state"] != "failed", row
    return row
