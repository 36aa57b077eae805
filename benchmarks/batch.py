"""Run batches by the real command line, and measure how time and memory grow with the series."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg
import processes
import pydicom

ROOT = Path(__file__).resolve().parents[1]


def multiply(source: Path, target: Path, series: int, study: str = "") -> list[str]:
    """Copy a series several times, each copy with its own UIDs.

    Parameters
    ----------
    source : Path
        Folder with the DICOM files of one series, and no other DICOM files.
    target : Path
        A folder that does not exist yet.
    series : int
        Number of copies.
    study : str
        StudyInstanceUID of all copies. Each has its own by default.

    Returns
    -------
    list of str
        Their SeriesInstanceUIDs.
    """
    made = []
    for number in range(1, series + 1):
        folder, root = target / str(number), f"{study or '1.2.826.0.1'}.{number}"
        folder.mkdir(parents=True)
        for index, path in enumerate(sorted(p for p in source.rglob("*") if p.is_file())):
            dataset = pydicom.dcmread(path, force=True)
            if "SOPInstanceUID" not in dataset:
                continue
            dataset.StudyInstanceUID = study or root
            dataset.SeriesInstanceUID = f"{root}.1"
            dataset.SOPInstanceUID = f"{root}.1.{index + 1}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(folder / f"{index:04}.dcm")
        made.append(f"{root}.1")
    return made


def run(
    work: Path,
    dicom: Path,
    models: Path,
    resources: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Run ``ich_batch`` on a folder, with a new RUN_ROOT.

    Parameters
    ----------
    work : Path
        Folder for RUN_ROOT and DAGSTER_HOME. A DAGSTER_HOME that is there is used again.
    dicom, models : Path
        Folder of DICOM files, and folder that holds ``2DNet``.
    resources : mapping
        Fields of resources, by their name.

    Returns
    -------
    dict
        Series and slices, seconds and CPU of the whole command, seconds until the first
        predictions begin, seconds of each step, checkpoints, what computed them, peak memory in
        MB, and MB that Dagster's store has got.

    Raises
    ------
    SystemExit
        If the run fails.
    """
    home, results = work / "home", work / "results"
    shutil.rmtree(results, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "conf" / "dagster.yaml", home)
    stored = size(home)
    config = work / "run.json"
    named = {name: {"config": dict(fields)} for name, fields in resources.items()}
    config.write_text(json.dumps({"resources": named}))
    variables = processes.plain_environment(
        DICOM_INPUT=str(dicom),
        MODEL_DIR=str(models),
        RUN_ROOT=str(results),
        DAGSTER_HOME=str(home),
    )
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    command += ["-m", "ich_assets.definitions", "-j", "ich_batch", "-c", str(config)]
    taken = processes.run(command, variables)
    report = json.loads((results / "output" / "run_report.json").read_text())
    return {
        "series": len(report["series"]),
        "slices": report["slices"]["scored"],
        "seconds": taken.seconds,
        "cpu": taken.cpu,
        "to_predictions": predictions_began(home, taken.began) - taken.began,
        "steps": report["seconds"]["steps"],
        "checkpoints": len(report["checkpoints"]),
        "computed_by": report["series"][0]["computed_by"],
        "peak_mb": taken.peak_mb,
        "store_mb": size(home) - stored,
    }


def size(folder: Path) -> float:
    """Return the MB of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def predictions_began(home: Path, since: float) -> float:
    """Return when the first step that predicts began after a moment, in seconds since 1970."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(job_name="ich_series"))
        found = [
            entry.timestamp
            for run in runs
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
            if str(entry.step_key).endswith("_predictions") and entry.timestamp >= since
        ]
    return min(found)
