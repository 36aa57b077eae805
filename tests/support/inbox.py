"""An inbox, a RUN_ROOT and the sensor, without a daemon. A test makes each tick itself."""

import os
import sqlite3
import time
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pandas as pd
import pydicom
from dagster import DagsterEvent, DagsterEventType, DagsterRun, DagsterRunStatus

from ich_assets.definitions import defs
from ich_assets.runtime.run_tags import BATCH_TAG
from ich_assets.sensors.causes import keep_cause, standing_cause
from ich_assets.sensors.inbox import dicom_inbox
from ich_resources.backbones.table import BACKBONES, FOLDS, checkpoint_name
from ich_resources.demo.study import uid, write_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.storage.failures import UNCHECKED, begun_by
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

QUIET = 30.0
"""Far longer than a test: a series is complete only where the test says so."""


class Inbox:
    """Folders, a Dagster instance in memory, and the sensor."""

    def __init__(self, root: Path, **options) -> None:
        self.folder = root / "inbox"
        self.folder.mkdir()
        self.run_root = root / "results"
        self.instance = dg.DagsterInstance.ephemeral()
        self.options = {"quiet_seconds": QUIET, **options}
        self.models = root / "models"
        for backbone in BACKBONES.values():
            (self.models / backbone.folder).mkdir(parents=True)
            for fold in range(FOLDS):
                (self.models / backbone.folder / checkpoint_name(fold)).touch()
        self.dicom = DicomResource(policy={"TOO_FEW_SLICES": "warn"})

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        """Evaluate the sensor once, and register the partitions as the daemon does."""
        context = dg.build_sensor_context(
            instance=self.instance,
            repository_def=defs.get_repository_def(),
            resources={
                "inbox": InboxResource(inbox_dir=str(self.folder), **self.options),
                "dicom": self.dicom,
                "networks": NetworksResource(model_dir=str(self.models)),
                "storage": StorageResource(run_root=str(self.run_root)),
            },
        )
        with context:
            result = dicom_inbox(context)
        for request in getattr(result, "dynamic_partitions_requests", None) or ():
            self.instance.add_dynamic_partitions("series", list(request.partition_keys))
        return result

    def settled(self) -> dg.SensorResult | dg.SkipReason:
        """Tick, let all files have come earlier, tick again: what has come is complete then."""
        self.tick()
        with closing(sqlite3.connect(self.run_root / "state" / "inbox.sqlite")) as index, index:
            index.execute("UPDATE files SET seen = seen - ?", (self.options["quiet_seconds"],))
        return self.tick()

    def launch(self, request: dg.RunRequest, status: DagsterRunStatus, **tags: str) -> DagsterRun:
        """Put a run into the instance as the daemon does on a request."""
        run = DagsterRun(
            job_name=request.job_name,
            run_id=str(uuid.uuid4()),
            tags={**request.tags, **{k.replace("__", "/"): v for k, v in tags.items()}},
            status=status,
        )
        self.instance.add_run(run)
        return run

    def die(self, request: dg.RunRequest, *, at_work: bool = True) -> DagsterRun:
        """Let the run of a request die without an error, at work on its first series or before."""
        run = self.launch(request, DagsterRunStatus.STARTED)
        if at_work and request.job_name == "ich_series":
            kind = DagsterEventType.STEP_START.value
            start = DagsterEvent(kind, run.job_name, step_key="processed_series")
            self.instance.report_dagster_event(start, run.run_id)
        elif at_work:
            self.work_on(run, series_of(request)[0])
        self.instance.report_run_failed(run)
        return run

    def work_on(self, run: DagsterRun, series: str) -> None:
        """Leave what a run of several series leaves while it is at work on one of them."""
        StorageResource(run_root=str(self.run_root)).records.failures.write(
            series_subject(series), UNCHECKED, begun_by(run.run_id)
        )
        self.instance.add_run(
            DagsterRun(
                job_name="ich_series",
                tags={BATCH_TAG: run.run_id, "dagster/partition": series},
                status=DagsterRunStatus.STARTED,
            )
        )

    def wait(self, seconds: float) -> None:
        """Let the fault of the machine that stands be met so much earlier."""
        with InboxIndex.open(self.run_root / "state" / "inbox.sqlite") as index:
            cause = standing_cause(index)
            keep_cause(index, replace(cause, met=cause.met - seconds))

    def measured(self, seconds_per_slice: float) -> None:
        """Let the series that were scored before have taken so long."""
        with InboxIndex.open(self.run_root / "state" / "inbox.sqlite") as index:
            index.set_note("seconds per slice", repr(seconds_per_slice))

    def table(self) -> pd.DataFrame:
        """``inbox_ledger.csv`` by SeriesInstanceUID."""
        path = self.run_root / "output" / "inbox_ledger.csv"
        return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("series_id")


def series_of(request: dg.RunRequest) -> list[str]:
    """The series of a request, in their order."""
    if request.job_name == "ich_series":
        return [request.partition_key]
    return list(request.run_config["ops"]["arrived_series"]["config"]["series"])


def touch(path: Path) -> None:
    """Give a file a new time, as a sender that sends it again does."""
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def head(inbox: Inbox, name: str = "head", *, slices: int = 3, study: str = "s") -> str:
    """Write a small series into the inbox; return its UID."""
    write_series(inbox.folder / name, name=name, slices=slices, bleed=False, size=64, study=study)
    return uid(study, name)


def late_slice(inbox: Inbox, name: str = "head", number: int = 9) -> None:
    """Add a slice to a series."""
    first = sorted((inbox.folder / name).glob("IM*"))[0]
    dataset = pydicom.dcmread(first)
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.ImagePositionPatient[2] += 5 * number
    dataset.SliceLocation += 5 * number
    dataset.save_as(first.with_name(f"late{number}"))
