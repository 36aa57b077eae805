"""Live operation with the real daemon: a study of three series, and one series from the UI."""

import json
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import batch
import pandas as pd
import processes

from ich_assets.runtime.run_tags import REQUEST_TAG
from ich_resources.backbones.table import BACKBONES
from ich_resources.steps import chosen_steps
from ich_resources.storage.layout import Layout
from ich_resources.subjects import series_subject

sys.path.insert(0, str(batch.ROOT / "tests" / "support"))

from live import FINISHED, Webserver

SERIES = 3
SECONDS = 1800
"""After these a study that is not done has failed."""


def measure(work: Path, source: Path, models: Path, folds: int) -> dict[str, Any]:
    """Send a study of three series, then let the UI score another one.

    Parameters
    ----------
    work : Path
        Folder for everything that is written.
    source : Path
        Folder with the DICOM files of one series.
    models : Path
        Folder that holds ``2DNet``, whose networks have been converted.
    folds : int
        Of each backbone.

    Returns
    -------
    dict
        Seconds from ``.done`` to the result of each series, seconds of its steps, seconds until
        the last one stands in the ranking, number of runs that scored them, and seconds from the
        click to the end of the run in the UI.
    """
    results, inbox = work / "results", work / "inbox"
    (work / "home").mkdir(parents=True)
    shutil.copy(batch.ROOT / "conf" / "dagster.yaml", work / "home")
    (uid,) = batch.multiply(source, work / "ui", 1)
    batch.multiply(source, work / "ready", SERIES, study="1.2.826.0.2")
    inbox.mkdir()
    variables = processes.plain_environment(
        DAGSTER_HOME=str(work / "home"),
        DICOM_INPUT=str(work / "ui"),
        DICOM_INBOX=str(inbox),
        MODEL_DIR=str(models),
        MAX_FOLDS_PER_BACKBONE=str(folds),
        RUN_ROOT=str(results),
    )
    server = Webserver(variables, work / "log")
    try:
        found = study(server, results, work / "ready", inbox / "study")
        return found | {"ui": from_the_ui(server, uid)}
    finally:
        server.stop()


def study(server: Webserver, results: Path, ready: Path, target: Path) -> dict[str, Any]:
    """Let a study come, complete, and wait until all of it stands in the ranking.

    Parameters
    ----------
    server : Webserver
        With the daemon, which watches the inbox.
    results : Path
        RUN_ROOT.
    ready, target : Path
        Folder of the study, and the folder in the inbox that it becomes.

    Raises
    ------
    SystemExit
        If a series has no result after ``SECONDS``.
    """
    ready.rename(target)
    (target / ".done").touch()
    began = time.time()
    while len(ranked(results)) < SERIES:
        if time.time() - began > SECONDS:
            raise SystemExit(f"the study is not done: {server.runs()}")
        time.sleep(0.5)
    listed = time.time() - began
    layout, rows = Layout(results), []
    for uid in sorted(ranked(results)):
        steps = chosen_steps(BACKBONES)
        paths = [layout.record(series_subject(uid), step.name) for step in steps]
        seconds = sum(json.loads(p.read_text())["content"]["seconds"] for p in paths)
        rows.append({"to_result": paths[-1].stat().st_mtime - began, "steps": seconds})
    rows.sort(key=lambda row: row["to_result"])
    scoring = [run for run in server.runs() if REQUEST_TAG in run["tags"]]
    return {"series": rows, "to_ranking": listed, "runs": len(scoring)}


def ranked(results: Path) -> set[str]:
    """Return the series that have a number in the ranking."""
    path = results / "output" / "predictions_per_series.csv"
    if not path.exists():
        return set()
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return set(table.loc[table["slices_scored"] != "0", "series_id"])


def from_the_ui(server: Webserver, uid: str) -> float:
    """Return the seconds that a series of DICOM_INPUT takes that is launched in the UI."""
    finish(server, "ich_scan", {})
    return finish(server, "ich_series", {"dagster/partition": uid})


def finish(server: Webserver, job: str, tags: Mapping[str, str]) -> float:
    """Launch a run, wait until it has ended, and return the seconds.

    Raises
    ------
    SystemExit
        If it fails.
    """
    began = time.time()
    run = server.launch(job, tags)
    while (status := server.statuses()[run]) not in FINISHED:
        time.sleep(0.2)
    if status != "SUCCESS":
        raise SystemExit(f"{job}: {status}")
    return time.time() - began
