"""A drop of many series, broken in every way, while parts of live operation are killed.

No series is lost and none is done twice; an urgent study overtakes those that wait.
"""

import os
import random
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from drop import write_drop
from kills import PARTS, find_part
from live import FINISHED, Webserver, materialised_partitions, wait

from ich_resources.demo.study import uid, write_series

pytestmark = pytest.mark.slow

SERIES = int(os.environ.get("ICH_DROP", "30"))
KILLS = int(os.environ.get("ICH_DROP_KILLS", "3"))
SEED = int(os.environ.get("ICH_DROP_SEED", "12"))
SECONDS = 300 + 8 * SERIES + 60 * KILLS

LIVE = """\
resources:
  inbox: {config: {
    quiet_seconds: 5, bite_seconds: 30,
    priorities: [{field: folder, pattern: urgent, priority: 9}]}}
  networks: {config: {max_folds_per_backbone: 1}}
  saliency: {config: {image_size_override: 64, method: gradcam}}
"""


@pytest.mark.timeout(2 * SECONDS)
def test_every_series_of_a_drop_ends_with_its_code_whatever_dies_in_between(site):
    (site.root / "live.yaml").write_text(LIVE)
    inbox = Path(site.environment["DICOM_INBOX"])
    expected = write_drop(inbox, SERIES)
    scored = {name for name, (state, _) in expected.items() if state in ("done", "incomplete")}
    moments = random.Random(SEED)
    after = sorted(moments.sample(range(1, len(scored) - 1), KILLS))
    order = moments.sample(PARTS, len(PARTS))
    parts = [order[number % len(PARTS)] for number in range(KILLS)]
    killed = []
    server = Webserver(site.environ(), site.root / "log")
    try:
        for series, part in zip(after, parts, strict=True):
            assert wait(SECONDS, lambda series=series: len(_finished(site)) >= series), _table(site)
            time.sleep(moments.uniform(0, 3))
            killed.append(_kill(server, part))
            if part not in ("run", "code server"):
                server.kill()  # what the part leaves behind ends as well
                server = Webserver(site.environ(), site.root / "log")
            if len(killed) == 1:
                urgent = _send_urgent(inbox / "urgent")
                expected[urgent] = ("done", "")
                scored.add(urgent)
        assert all(killed), "there was nothing to kill"
        assert wait(SECONDS, lambda: urgent in _finished(site)), _table(site)
        waited = scored - _finished(site)
        assert wait(SECONDS, lambda: _ended(site, server, len(expected))), _table(site)
        runs = server.runs()
        materialised = set(materialised_partitions(server, "saliency_panels"))
    finally:
        server.stop()
    assert waited, "the urgent study did not overtake those that waited"
    table = _table(site)
    assert {name: row["state"] for name, row in table.iterrows()} == {
        name: state for name, (state, _) in expected.items()
    }
    assert {name: code in table.loc[name, "codes"] for name, (_, code) in expected.items()} == (
        dict.fromkeys(expected, True)
    )
    assert all(table.loc[name, "sentence"] for name in expected)
    # None twice: a series that was done before a kill is not done again.
    succeeded = Counter(
        run["tags"]["dagster/partition"]
        for run in runs
        if run["pipelineName"] == "ich_series" and run["status"] == "SUCCESS"
    )
    assert set(succeeded.values()) == {1}
    # Each kill may have caught one series between its last record and the end of its run.
    assert len(scored - set(succeeded)) <= KILLS
    assert set(succeeded) <= scored == materialised
    rows = pd.read_csv(site.output / "predictions_per_series.csv", dtype=str)
    assert set(rows.loc[rows["slices_scored"] != "0", "series_id"]) == scored
    assert rows["series_id"].is_unique


def _send_urgent(folder: Path) -> str:
    write_series(folder, name="urgent", slices=3, bleed=True, size=64, study="urgent")
    (folder / ".done").touch()
    return uid("urgent", "urgent")


def _kill(server: Webserver, part: str) -> bool:
    """Kill the processes of a part as soon as there are some; return whether there were."""
    found = []

    def there() -> bool:
        found[:] = find_part(server, part)
        return bool(found)

    if wait(60, there):
        for process in found:
            process.kill()
    return bool(found)


def _finished(site) -> set[str]:
    """The series that have every record, so far."""
    records = (site.results / "state" / "series").glob("*/saliency_panels.json")
    return {record.parent.name for record in records}


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
