"""``python benchmarks/tick.py [FILES ...]``: measure a tick of the sensor dicom_inbox.

The files are real DICOM (32 x 32 pixels, 30 slices a series). The sensor is the real one, and
Dagster runs in memory. First all files are new: the script counts the ticks until all are known,
and takes the longest. Then it takes the median of five ticks with nothing new, and one tick with
one new slice.
"""

import shutil
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

import dagster as dg
import pydicom

from ich_assets.definitions import defs
from ich_assets.sensors.inbox import dicom_inbox
from ich_resources.demo.study import write_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.inbox.resource import InboxResource
from ich_resources.storage.resource import StorageResource

SLICES = 30
WIDTH = 12


def write_files(folder: Path, files: int) -> None:
    """Write a number of slices as series of 30. Each series has its own study."""
    name = "0" * WIDTH
    template = folder.parent / "template"
    paths = write_series(template, name="x", slices=SLICES, bleed=False, size=32)

    contents = []
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.8{name}", f"1.2.9{name}"
        dataset.SOPInstanceUID = f"1.2.7{name}.1{number:02}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path)
        contents.append(path.read_bytes())
    for series in range(files // SLICES + 1):
        place = folder / f"{series // 100}" / f"{series}"
        place.mkdir(parents=True)
        for number in range(min(SLICES, files - series * SLICES)):
            content = contents[number].replace(name.encode(), f"{series:0{WIDTH}}".encode())
            (place / f"IM{number:04}").write_bytes(content)
    shutil.rmtree(template)


def measure(files: int) -> None:
    """Measure the ticks over a number of files, and print a row of the table."""
    root = Path(tempfile.mkdtemp(prefix="tick-"))
    inbox = root / "inbox"
    inbox.mkdir()
    write_files(inbox, files)
    instance = dg.DagsterInstance.ephemeral()
    seconds = []

    def tick() -> tuple[float, dg.SensorResult]:
        context = dg.build_sensor_context(
            instance=instance,
            repository_def=defs.get_repository_def(),
            resources={
                "inbox": InboxResource(inbox_dir=str(inbox), quiet_seconds=1.0),
                "dicom": DicomResource(),
                "storage": StorageResource(run_root=str(root / "results")),
            },
        )
        started = time.perf_counter()
        result = dicom_inbox(context)
        taken = time.perf_counter() - started
        for request in result.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions("series", list(request.partition_keys))
        for request in result.run_requests or ():
            # The daemon would launch this run. Without a run the sensor would request it again.
            instance.add_run(
                dg.DagsterRun(
                    job_name=request.job_name,
                    run_id=str(uuid.uuid4()),
                    tags=dict(request.tags),
                    status=dg.DagsterRunStatus.STARTED,
                )
            )
        return taken, result

    waiting = True
    while waiting:
        taken, result = tick()
        seconds.append(taken)
        known = len(instance.get_dynamic_partitions("series"))
        waiting = known < files // SLICES
        if not result.run_requests:
            time.sleep(0.2)
    quiet = statistics.median(tick()[0] for _ in range(5))
    first = next(p for p in inbox.rglob("IM0000"))
    first.with_name("late").write_bytes(first.read_bytes())
    one = tick()[0]
    print(
        f"| {files:,} | {len(seconds)} | {max(seconds):.1f} | {sum(seconds):.0f} | "
        f"{quiet:.2f} | {one:.2f} |",
        flush=True,
    )
    shutil.rmtree(root)


if __name__ == "__main__":
    print("| files | ticks to know all | longest, s | together, s | nothing new, s | one new, s |")
    print("|---|---|---|---|---|---|")
    for number in [int(a) for a in sys.argv[1:]] or [1_000, 10_000, 100_000]:
        measure(number)
