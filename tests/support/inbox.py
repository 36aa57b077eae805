"""An inbox, a RUN_ROOT and the sensor, without a daemon. A test makes each tick itself."""

import os
import time
import uuid
from pathlib import Path

import dagster as dg
import pandas as pd
import pydicom
from dagster import DagsterRun, DagsterRunStatus

from ich_assets.definitions import defs
from ich_assets.sensors.inbox import dicom_inbox
from ich_resources.demo.study import uid, write_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.inbox.resource import InboxResource
from ich_resources.storage.resource import StorageResource

QUIET = 0.2


class Inbox:
    """Folders, a Dagster instance in memory, and the sensor."""

    def __init__(self, root: Path, **options) -> None:
        self.folder = root / "inbox"
        self.folder.mkdir()
        self.run_root = root / "results"
        self.instance = dg.DagsterInstance.ephemeral()
        self.options = {"quiet_seconds": QUIET, **options}
        self.dicom = DicomResource(policy={"TOO_FEW_SLICES": "warn"})

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        """Evaluate the sensor once, and register the partitions as the daemon does."""
        context = dg.build_sensor_context(
            instance=self.instance,
            repository_def=defs.get_repository_def(),
            resources={
                "inbox": InboxResource(inbox_dir=str(self.folder), **self.options),
                "dicom": self.dicom,
                "storage": StorageResource(run_root=str(self.run_root)),
            },
        )
        with context:
            result = dicom_inbox(context)
        for request in getattr(result, "dynamic_partitions_requests", None) or ():
            self.instance.add_dynamic_partitions("series", list(request.partition_keys))
        return result

    def settled(self) -> dg.SensorResult | dg.SkipReason:
        """Tick, be quiet, tick again: what has come is complete then."""
        self.tick()
        time.sleep(QUIET + 0.05)
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

    def table(self) -> pd.DataFrame:
        """``inbox_ledger.csv`` by SeriesInstanceUID."""
        path = self.run_root / "output" / "inbox_ledger.csv"
        return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("series_id")


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
