"""Backup and restore of live operation, by the commands of docs/live.md."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import dagster as dg
from inbox import Inbox, head
from page_commands import command

RESULTS = Path(__file__).parents[2] / "data" / "run_root_format_1.tar.xz"


def test_a_restored_run_root_scores_nothing_again_and_forgets_no_request(tmp_path):
    with tarfile.open(RESULTS) as archive:
        archive.extractall(tmp_path, filter="data")
    inbox = Inbox(tmp_path, ahead=1)
    shutil.move(tmp_path / "dicom", inbox.folder / "scored")
    assert inbox.settled().run_requests == []
    waiting = head(inbox, "waiting", study="waiting")
    assert len(inbox.settled().run_requests) == 1
    table = inbox.table()
    (scored,) = table.index[table["state"] == "done"]
    assert table.loc[waiting, "phase"] == "requested"
    results = _files(inbox.run_root)

    folders = {**os.environ, "RUN_ROOT": str(inbox.run_root), "BACKUP": str(tmp_path)}
    subprocess.run(command("live.md", "tar --create"), shell=True, check=True, env=folders)
    shutil.rmtree(inbox.run_root)
    subprocess.run(command("live.md", "tar --extract"), shell=True, check=True, env=folders)
    assert _files(inbox.run_root) == results

    inbox.instance = dg.DagsterInstance.ephemeral()  # Dagster's history was lost too
    (request,) = inbox.tick().run_requests
    assert request.partition_key == waiting
    again = inbox.table()
    assert list(again.loc[scored, ["state", "done"]]) == list(table.loc[scored, ["state", "done"]])


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
