"""Backup and restore of live operation, by the commands of docs/live.md."""

import os
import shutil
import subprocess

import dagster as dg
from inbox import Inbox, head
from page_commands import command

from ich_resources.dicom.resource import DicomResource


def test_a_restored_run_root_scores_nothing_again_and_forgets_no_request(finished_demo, tmp_path):
    shutil.copytree(finished_demo.place.results, tmp_path / "results")
    inbox = Inbox(tmp_path, ahead=1)
    inbox.dicom = DicomResource()
    shutil.copytree(finished_demo.place.dicom, inbox.folder / "demo")
    assert inbox.settled().run_requests == []
    inbox.dicom = DicomResource(policy={"TOO_FEW_SLICES": "warn"})
    waiting = head(inbox, "waiting", study="waiting")
    assert len(inbox.settled().run_requests) == 1
    table = inbox.table()
    scored = table.index[table["state"].isin(["done", "incomplete"])]
    assert len(scored) and table.loc[waiting, "phase"] == "requested"
    numbers = (inbox.run_root / "output" / "predictions_per_series.csv").read_bytes()

    folders = {**os.environ, "RUN_ROOT": str(inbox.run_root), "BACKUP": str(tmp_path)}
    subprocess.run(command("live.md", "tar --create"), shell=True, check=True, env=folders)
    shutil.rmtree(inbox.run_root)
    subprocess.run(command("live.md", "tar --extract"), shell=True, check=True, env=folders)

    inbox.instance = dg.DagsterInstance.ephemeral()  # Dagster's history was lost too
    (request,) = inbox.tick().run_requests
    assert request.partition_key == waiting
    again = inbox.table()
    assert list(again.loc[scored, "state"]) == list(table.loc[scored, "state"])
    assert list(again.loc[scored, "done"]) == list(table.loc[scored, "done"])
    assert (inbox.run_root / "output" / "predictions_per_series.csv").read_bytes() == numbers
    reported = inbox.instance.get_materialized_partitions(dg.AssetKey("saliency_panels"))
    assert len(reported) == len(scored)
