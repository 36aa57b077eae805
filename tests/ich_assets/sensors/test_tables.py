"""The sensor result_tables on made results: tables that follow, and never forget a number."""

import json
import sqlite3
import sys
import time
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ich_assets.definitions import defs
from ich_assets.runtime.run_tags import REQUEST_TAG
from ich_assets.sensors.tables import result_tables
from ich_resources.arrivals import Arrival
from ich_resources.errors import IchError
from ich_resources.inbox.index import InboxIndex
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, UnassignedFile
from ich_resources.storage.ledger import write_arrivals
from ich_resources.storage.records import Records
from ich_resources.storage.resource import ResultsResource, StorageResource
from ich_resources.subjects import series_subject
from ich_resources.tags import PARTITION_TAG

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from made_results import MadeSeries

STRAY = UnassignedFile("odd", Judgement("refused", Reason.DICOMDIR, "a directory"))


class Root:
    """A RUN_ROOT of live operation with made results, and the sensor."""

    def __init__(self, folder: Path, slices: int = 3) -> None:
        self.storage = StorageResource(run_root=str(folder))
        self.layout = self.storage.layout
        self.instance = dg.DagsterInstance.ephemeral()
        self.series = [self.made(number, slices) for number in (1, 2, 3)]
        self.cursor: str | None = None
        self.arrive()

    def made(self, number: int, slices: int) -> MadeSeries:
        return MadeSeries(self.layout, number, np.random.default_rng(number), slices)

    def arrive(self) -> None:
        """Write what the inbox holds, as dicom_inbox does."""
        series = tuple(sorted((m.series for m in self.series), key=lambda s: s.series_instance_uid))
        write_arrivals(self.layout, Ledger(("/in",), series, (STRAY,), 9, 0))

    def tick(self, **results: object) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=defs.get_repository_def(),
            resources={"storage": self.storage, "results": ResultsResource(**results)},
        )
        with context:
            result = result_tables(context)
        self.cursor = getattr(result, "cursor", None)
        return result

    def table(self, name: str = "predictions_per_series.csv") -> pd.DataFrame:
        path = self.layout.output / name
        key = "study_id" if "study" in name else "series_id"
        return pd.read_csv(path, dtype=str, keep_default_na=False).set_index(key)

    def page(self) -> dict[str, dict]:
        text = self.layout.worklist.read_text()
        data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
        return {row["u"]: row for row in data["rows"]}

    def due(self, *states: str) -> None:
        """Let series of the inbox be due or under way."""
        with InboxIndex.open(self.layout.inbox_index) as index:
            uids = [made.uid for made in self.series]
            index.upsert([Arrival(u, "s", state=s) for u, s in zip(uids, states, strict=False)])


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "results")


def test_each_result_has_its_row_at_the_next_tick(root):
    root.tick()
    table = root.table()
    assert set(table["state"]) == {"waiting"} and set(table["rank"]) == {""}
    assert root.table("predictions_per_study.csv")["rank"].to_list() == ["", "", ""]
    assert len(root.table("series_ledger.csv")) == 3
    assert root.table("slices_not_scored.csv")["path"].to_list() == ["odd"]
    for number, made in enumerate(root.series, 1):
        made.score()
        root.tick()
        table, page = root.table(), root.page()
        assert table.loc[made.uid, "state"] == "done"
        assert (table["rank"] != "").sum() == number
        assert sum("p" in row for row in page.values()) == number
        assert page[made.uid]["p"][0] == float(table.loc[made.uid, "max_any"])
    assert table["max_any"].astype(float).is_monotonic_decreasing
    assert "Tables over slices: later" in root.layout.worklist.read_text()
    study = root.table("predictions_per_study.csv")
    assert study["max_any"].to_list() == table["max_any"].to_list()
    assert not (root.layout.output / "predictions.csv").exists()


def test_late_slices_never_lower_a_rank_or_take_away_a_number(root):
    for made in root.series:
        made.score()
    root.tick()
    before = root.table()
    uid = before.index[0]
    (place,) = [i for i, made in enumerate(root.series) if made.uid == uid]
    root.series[place] = late = root.made(place + 1, 5)
    root.arrive()
    subject, records = series_subject(uid), Records(root.layout)

    def shown() -> str:
        root.tick()
        table = root.table()
        assert table["rank"].to_list() == ["1", "2", "3"]
        assert table.index.to_list() == before.index.to_list()
        assert table.loc[uid, "max_any"] == before.loc[uid, "max_any"]
        assert root.page()[uid]["p"][0] == float(before.loc[uid, "max_any"])
        assert root.page()[uid]["e"] == table.loc[uid, "earlier_result"]
        return table.loc[uid, "earlier_result"]

    assert shown() == "3 of 5 slices, being scored again"
    records.failures.write(subject, "processed_series", IchError("it cannot be decoded"))
    assert shown() == "3 of 5 slices, of an earlier version: the new run failed"
    assert root.table().loc[uid, "failure"] == "it cannot be decoded"
    # The kept rows are damaged meanwhile: the table itself is the memory.
    root.layout.row_cache.write_text("damaged" * 1000)
    assert shown() == "3 of 5 slices, of an earlier version: the new run failed"
    with sqlite3.connect(root.layout.row_cache) as connection:
        connection.execute("UPDATE rows SET row = '{}'")
    connection.close()
    late.score()
    root.tick()
    row = root.table().loc[uid]
    assert (row["state"], row["slices_scored"], row["earlier_result"]) == ("done", "5", "")
    assert "e" not in root.page()[uid]


def test_tables_over_slices_follow_at_the_end_and_every_ten_minutes(root):
    root.due("done", "arriving")
    assert not root.tick().run_requests, "nothing was scored yet"
    root.series[0].score()
    root.due("done", "admitted", "running")
    assert not getattr(root.tick(), "run_requests", None), "a backlog"
    root.due("done", "done", "done")
    run = dg.DagsterRun(job_name="ich_backlog", status=dg.DagsterRunStatus.STARTED)
    root.instance.add_run(run)
    assert not root.tick().run_requests, "it writes them at its end"
    root.instance.delete_run(run.run_id)
    (request,) = root.tick().run_requests
    assert request.run_config == {}
    assert not root.tick().run_requests, "it was requested"
    # The run has failed, or was never stored: ten minutes later again, also in a backlog.
    root.due("done", "admitted", "running")
    asked, told, since = map(float, root.cursor.split())
    root.cursor = f"{asked - 601} {told} {since - 601}"
    assert len(root.tick().run_requests) == 1
    root.cursor = f"{asked + 601} {told} {since + 601}"
    assert len(root.tick().run_requests) == 1, "the clock was set back"
    # While such a run is open there is no second one.
    run = dg.DagsterRun(job_name="ich_outputs", status=dg.DagsterRunStatus.STARTED)
    root.instance.add_run(run)
    root.cursor = f"{asked - 601} {told} {since - 601}"
    assert not root.tick().run_requests


def test_the_ui_gets_the_ranking_at_most_every_five_minutes(root):
    (event,) = root.tick().asset_events
    table = event.metadata["ranking"].value
    assert [r.data["state"] for r in table.records] == ["waiting"] * 3
    root.series[0].score()
    assert not root.tick().asset_events
    asked, told, since = root.cursor.split()
    root.series[1].score()
    root.cursor = f"{asked} {float(told) - 301} {since}"
    (event,) = root.tick().asset_events
    first = event.metadata["ranking"].value.records[0].data
    assert first["rank"] == 1 and len(first["P(any)"]) == 5
    assert first["slices"] == "3 of 3" and list(first)[-1] == "study_id"


def test_a_threshold_flags_and_a_new_one_writes_the_tables_again(root):
    root.series[0].score()
    root.tick()
    assert "flagged" not in root.table().columns
    for threshold, flagged in ((0.0, "True"), (1.0, "False")):
        root.tick(threshold=threshold)
        assert root.table().loc[root.series[0].uid, "flagged"] == flagged
        assert root.table().loc[root.series[1].uid, "flagged"] == ""


def test_a_damaged_series_stops_no_other(root):
    for made in root.series:
        made.score()
    root.tick()
    before = root.table()
    uid = root.series[0].uid
    root.layout.found(uid).write_text("{")
    folder = root.layout.found(uid).parent
    (folder / "x").touch()
    late = root.made(2, 4)
    root.series[1] = late
    write_arrivals(root.layout, Ledger(("/in",), (late.series,), (STRAY,), 9, 0), [uid])
    late.score()
    result = root.tick()
    assert uid in str(result.skip_reason.skip_message if result.skip_reason else result)
    table = root.table()
    assert table.loc[uid, "max_any"] == before.loc[uid, "max_any"]
    assert table.loc[late.uid, "slices_scored"] == "4"


def test_a_run_root_without_an_inbox_is_left_alone(tmp_path, monkeypatch):
    root = Root(tmp_path / "results")
    root.layout.inbox_ledger.unlink()
    assert "a batch writes its tables itself" in root.tick().skip_message
    assert not root.layout.output.exists()
    root.storage = StorageResource()
    monkeypatch.delenv("RUN_ROOT", raising=False)
    assert "no run root" in root.tick().skip_message


def test_a_table_that_lacks_no_series_is_written_late_rather_than_never(root, monkeypatch):
    """Without time for the first row of each series the earlier tables stay."""
    monkeypatch.setattr("ich_assets.sensors.tables._SECONDS_PER_TICK", -1.0)
    result = root.tick()
    assert "3 series are still to be read" in result.skip_reason.skip_message
    assert not (root.layout.output / "predictions_per_series.csv").exists()
    monkeypatch.setattr("ich_assets.sensors.tables._SECONDS_PER_TICK", 10.0)
    began = time.monotonic()
    root.tick()
    assert len(root.table()) == 3 and time.monotonic() - began < 10


@pytest.mark.parametrize("state", ["admitted", "done"])
def test_a_requested_run_leaves_the_tables_over_slices_to_the_last_of_a_backlog(root, state):
    root.due("running", state)
    config = {"storage": {"run_root": str(root.layout.run_root)}, "dicom": {"input_dir": "/in"}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("ich_outputs").execute_in_process(
            instance=instance,
            run_config={"resources": {name: {"config": value} for name, value in config.items()}},
            tags={REQUEST_TAG: "r", PARTITION_TAG: root.series[0].uid},
            raise_on_error=False,
        )
    # Without checkpoints the tables cannot be written: so only a run that leaves them succeeds.
    assert result.success is (state == "admitted")
    assert not result.asset_materializations_for_node("run_outputs")
