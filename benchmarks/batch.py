"""Run batches by the real command line, and measure how time and memory grow with the series."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pydicom

ROOT = Path(__file__).resolve().parents[1]


def multiply(source: Path, target: Path, series: int) -> None:
    """Copy a series several times, each copy with its own UIDs.

    Parameters
    ----------
    source : Path
        Folder with the DICOM files of one series, and no other DICOM files.
    target : Path
        A folder that does not exist yet.
    series : int
        Number of copies.
    """
    for number in range(1, series + 1):
        folder = target / str(number)
        folder.mkdir(parents=True)
        for index, path in enumerate(sorted(p for p in source.rglob("*") if p.is_file())):
            dataset = pydicom.dcmread(path, force=True)
            if "SOPInstanceUID" not in dataset:
                continue
            dataset.StudyInstanceUID = f"1.2.826.0.1.{number}"
            dataset.SeriesInstanceUID = f"1.2.826.0.1.{number}.1"
            dataset.SOPInstanceUID = f"1.2.826.0.1.{number}.1.{index + 1}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(folder / f"{index:04}.dcm")


def run(
    work: Path, dicom: Path, models: Path, resources: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Run ``ich_batch`` on a folder, with a new RUN_ROOT and DAGSTER_HOME.

    Returns
    -------
    dict
        Seconds of the whole run, seconds until the first backbone has scored, seconds of each
        step, number of checkpoints, and peak memory of the process in MB.

    Raises
    ------
    SystemExit
        If the run fails.
    """
    if work.exists():
        shutil.rmtree(work)
    home, results = work / "home", work / "results"
    home.mkdir(parents=True)
    shutil.copy(ROOT / "conf" / "dagster.yaml", home)
    config = work / "run.json"
    named = {name: {"config": fields} for name, fields in resources.items()}
    config.write_text(json.dumps({"resources": named}))
    environment = os.environ | {
        "DICOM_INPUT": str(dicom),
        "MODEL_DIR": str(models),
        "RUN_ROOT": str(results),
        "DAGSTER_HOME": str(home),
    }
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    command += ["-m", "ich_assets.definitions", "-j", "ich_batch", "-c", str(config)]
    began, started = time.time(), time.perf_counter()
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit((work / "log").read_text())
    report = json.loads((results / "output" / "run_report.json").read_text())
    arrays = (results / "state" / "series").glob("*/densenet121_predictions.npy")
    return {
        "series": len(report["series"]),
        "slices": report["slices"]["scored"],
        "seconds": seconds,
        "to_first_backbone": min(path.stat().st_mtime for path in arrays) - began,
        "steps": report["seconds"]["steps"],
        "checkpoints": len(report["checkpoints"]),
        "peak_mb": usage.ru_maxrss / 1024,
    }
