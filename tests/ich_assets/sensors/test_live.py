"""Live operation, whole: a foreign sender, the receiver, the daemon, the UI's own questions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pydicom
import pytest
from live import (
    FINISHED,
    PATIENCE,
    Webserver,
    free_port,
    materialised_partitions,
    monitor,
    receiver,
    send,
    wait,
    webserver,
)
from webhook import WebhookServer
from workplace import Workplace

from ich_resources.demo.study import uid, write_localizer, write_series

pytestmark = pytest.mark.slow

INBOX_TABLE = """
{ assetNodeOrError(assetKey: {path: ["inbox_ledger"]}) { ... on AssetNode {
  assetMaterializations(limit: 1) { metadataEntries { label
    ... on TableMetadataEntry { table { records } } } } } } }
"""
PLANTED = {
    "PatientName": "Zaphodius^Beeblebroxus",
    "PatientID": "PID-7351-QX",
    "PatientBirthDate": "19420611",
    "AccessionNumber": "ACC-99-8842",
}


def test_a_study_sent_slice_by_slice_gets_one_run_and_a_late_slice_one_more(site, tmp_path):
    out = tmp_path / "outgoing"
    *slices, late = write_series(out / "head", name="head", slices=5, bleed=True, size=64)
    scout = write_localizer(out / "scout")
    series = uid("demo", "head")
    for path in (*slices, late, scout):
        dataset = pydicom.dcmread(path)
        for keyword, value in PLANTED.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    port, hook, log = free_port(), WebhookServer(), site.root / "log"
    with (
        receiver(site.environ(), port),
        webserver(site.environ(), log) as server,
        monitor(site.environ() | _watching(server, port, hook), log) as watching,
    ):
        for path in (*slices, scout):
            send(port, path)
        assert wait(120, lambda: _finished(server, 1)), server.runs()
        (run,) = server.runs()
        assert (run["status"], run["tags"]["dagster/partition"]) == ("SUCCESS", series)
        assert materialised_partitions(server, "saliency_panels") == [series]
        scouts = uid("demo", "localizer")
        assert wait(60, lambda: _states(server) == {series: "done", scouts: "refused"})
        assert wait(60, lambda: watching.ask("/healthz")[0] == 200), watching.health()
        up = {"webserver": True, "code_server": True, "daemon": True, "receiver": True}
        assert watching.health()["services"] == up
        first = _data_version(site, series)
        assert len(_scored(site)) == 4

        send(port, late)
        assert wait(120, lambda: _finished(server, 2)), server.runs()
        assert _data_version(site, series) != first
        assert len(_scored(site)) == 5

        # Every file again: nothing new, no run.
        ticks = len(_ticks(site))
        send(port, *slices, late, scout)
        assert wait(90, lambda: len(_ticks(site)) > ticks + 3)
        assert [run["status"] for run in server.runs()] == ["SUCCESS", "SUCCESS"]

        # Each version was told once.
        assert wait(30, lambda: len(hook.got) == 2), log.read_text()[-3000:]
        _assert_told(site, hook.got[1][2], series)

        _repeat_what_failed(site, server, port, out)
        # The monitor outlives the daemon.
        server.stop()
        assert wait(60, lambda: not watching.health()["services"]["webserver"])
        assert watching.ask("/healthz")[0] == 503
    _assert_times(site, series)
    assert not any(value in json.dumps(hook.got) for value in PLANTED.values())
    hook.end()
    _assert_nowhere(site, *slices, late)


def _repeat_what_failed(site: Workplace, server: Webserver, port: int, out: Path) -> None:
    """A series with a damaged slice fails as a whole, until the configuration keeps the others."""
    live = Path(site.environment["LIVE_CONFIG"])
    kept = live.read_text()
    live.write_text(kept + "  dicom: {config: {on_bad_slice: fail}}\n")
    damaged = write_series(out / "cut", name="cut", slices=4, bleed=False, size=64)
    dataset = pydicom.dcmread(damaged[0])
    dataset.PixelData = dataset.PixelData[:-400]
    dataset.save_as(damaged[0])
    send(port, *damaged)
    cut = uid("demo", "cut")
    assert wait(120, lambda: _states(server).get(cut) == "failed"), server.runs()
    live.write_text(kept)
    run = server.launch("ich_retry", {}, {"ops": {"repeat_failed": {"config": {"series": [cut]}}}})
    assert wait(120, lambda: server.statuses()[run] == "SUCCESS"), server.runs()
    assert wait(120, lambda: _states(server)[cut] == "incomplete"), server.runs()


def _assert_told(site: Workplace, message: Mapping[str, Any], series: str) -> None:
    assert (message["kind"], message["series_instance_uid"]) == ("result", series)
    assert message["p_any"] == pytest.approx(_scored(site)["any"].max(), abs=1e-6)
    assert message["trained_on"] == "nothing"


def _watching(server: Webserver, port: int, hook: WebhookServer) -> dict[str, str]:
    return {
        "MONITOR_WEBSERVER": server.url,
        "MONITOR_RECEIVER": f"127.0.0.1:{port}",
        "MONITOR_FREE_GB": "0.001",
        "HOOK_URL": hook.url,
        "HOOK_THRESHOLD": "0",
    }


def _assert_times(site: Workplace, series: str) -> None:
    """The last version was complete, requested, started and done, in this order."""
    row = pd.read_csv(site.output / "inbox_ledger.csv").set_index("series_id").loc[series]
    moments = row[["first_file", "complete", "requested", "started", "done"]].to_list()
    assert moments == sorted(moments)
    took = row["seconds_to_result"]
    assert 0 < took < 120 * PATIENCE
    report = json.loads((site.output / "run_report.json").read_text())
    assert set(report["seconds"]["complete_to_result"]) == {"all", "last_24_hours"}


def _finished(server: Webserver, runs: int) -> bool:
    return len([r for r in server.runs() if r["status"] in FINISHED]) == runs


def _states(server: Webserver) -> dict[str, str]:
    """What the table in Dagster says of each series."""
    node = server.ask(INBOX_TABLE)["assetNodeOrError"]
    entries = node["assetMaterializations"][0]["metadataEntries"]
    (table,) = [entry["table"] for entry in entries if "table" in entry]
    rows = [json.loads(record) for record in table["records"]]
    return {row["series_id"]: row["state"] for row in rows}


def _instance(site: Workplace) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(site.environment["DAGSTER_HOME"])


def _data_version(site: Workplace, series: str) -> str:
    with _instance(site) as instance:
        latest = instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=dg.AssetKey("processed_series"), asset_partitions=[series]
            ),
            limit=1,
        ).records[0]
    return latest.asset_materialization.tags["dagster/data_version"]


def _ticks(site: Workplace) -> list:
    with _instance(site) as instance:
        states = instance.all_instigator_state()
        (sensor,) = [state for state in states if state.name == "dicom_inbox"]
        return list(instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id))


def _scored(site: Workplace) -> pd.DataFrame:
    return pd.read_csv(site.output / "predictions_per_slice.csv")


def _assert_nowhere(site: Workplace, *sources: Path) -> None:
    """No planted identifier stands in anything that was written but the inbox itself."""
    inbox = Path(site.environment["DICOM_INBOX"])
    written = [p for p in site.root.rglob("*") if p.is_file() and inbox not in p.parents]
    written = [p for p in written if site.root / "outgoing" not in p.parents]
    assert {"inbox.sqlite", "log"} <= {path.name for path in written}
    assert any(path.suffix == ".db" for path in written)
    for value in PLANTED.values():
        for word in value.split("^"):
            planted = word.encode()
            assert all(planted in path.read_bytes() for path in sources)
            assert [p for p in written if planted in p.read_bytes() or word in p.name] == []
