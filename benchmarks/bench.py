"""``make bench``: measure what stands in the last section of ``benchmarks/README.md``.

DICOM_INPUT may name a folder with one series, and MODEL_DIR the folder of the checkpoints. Without
them the script uses a phantom of 28 slices and untrained stand-in weights. They take the same time.
The runs write into BENCH_DIR, by default a temporary folder. The speed of its disk matters.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import arriving
import batch
import numpy as np
import overhead
import processes
import pydicom
import report
import speed

from ich_resources.backbones.table import FOLDS
from ich_resources.demo.study import write_series
from ich_resources.machine import processor

HERE = Path(__file__).parent
FURTHER = 3
"""Series of the batch that shows what a further one takes."""
GROWTH_SLICES, GROWTH_FOLDS = 4, 1
EMPTY = """\
import dagster as dg

@dg.op
def nothing(): ...

@dg.job
def empty(): nothing()

defs = dg.Definitions(jobs=[empty])
"""


def machine() -> dict[str, Any]:
    """Return what this machine has: processor, cores, memory in GB, cards; and what it can run."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    command = [sys.executable, str(HERE / "speed.py"), "names"]
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory),
        **json.loads(processes.run(command, os.environ).output),
    }


def inputs(work: Path, slices: int, folds: int) -> tuple[Path, Path]:
    """Return the folders of one series and of the checkpoints: those given, or made ones.

    Raises
    ------
    SystemExit
        If MODEL_DIR does not hold ``2DNet``.
    """
    given, models = os.environ.get("DICOM_INPUT"), os.environ.get("MODEL_DIR")
    if models and not Path(models, "2DNet").is_dir():
        raise SystemExit(f"MODEL_DIR is {models}, and 2DNet is not in it")
    source = Path(given) if given else work / "phantom"
    # In a process of its own: this one must not have what the measured ones have.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        if not given:
            made = {"name": "head", "slices": slices, "bleed": True, "size": 512}
            pool.submit(write_series, source, **made).result()
        if not models:
            pool.submit(write_stand_ins, work / "models", folds).result()
    return source, Path(models) if models else work / "models"


def write_stand_ins(folder: Path, folds: int) -> None:
    """Write untrained checkpoints; see ``write_checkpoints``."""
    from ich_resources.demo.checkpoints import write_checkpoints

    write_checkpoints(folder, folds=folds)


def warm_up(work: Path, models: Path) -> None:
    """Read what both sides read: checkpoints, libraries, and matplotlib's list of fonts.

    Networks converted for OpenVINO stay below a new folder: nothing is converted before the first
    run.
    """
    os.environ["XDG_CACHE_HOME"] = str(work / "cache")
    os.environ["MPLCONFIGDIR"] = str(work / "matplotlib")
    for path in models.rglob("*.pth"):
        path.read_bytes()
    libraries = "dagster, openvino, pretrainedmodels, torchvision, matplotlib.pyplot"
    processes.run([sys.executable, "-W", "ignore", "-c", f"import {libraries}"], os.environ)


def first_slices(source: Path, target: Path, count: int) -> None:
    """Copy the first ``count`` slices of a series, in the order of their file names."""
    target.mkdir()
    taken = 0
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        if taken < count and "PixelData" in pydicom.dcmread(path, force=True):
            shutil.copy(path, target / f"{taken}.dcm")
            taken += 1


def loop(source: Path, models: Path, folds: int, work: Path) -> dict[str, dict[str, float]]:
    """Run the reference's three programs.

    Parameters
    ----------
    source, models : Path
        Folder of one series, and folder that holds ``2DNet``.
    folds : int
        Checkpoints of each backbone.
    work : Path
        Folder for what they write.

    Returns
    -------
    dict of str to dict
        For each: seconds of the whole command, seconds without its start and loading, seconds of
        loading, and peak memory in MB.
    """
    found = {}
    for program, folder in (("images", source), ("predictions", models), ("saliency", models)):
        command = [sys.executable, str(HERE / "reference.py"), program, str(folder), str(work)]
        command += ["--folds", str(folds)]
        taken = processes.run(command, os.environ)
        inner = json.loads(taken.output.splitlines()[-1])
        found[program] = {
            "seconds": taken.seconds,
            "without_start": inner["seconds"],
            "loading": inner["loading"],
            "peak_mb": taken.peak_mb,
        }
        _say(program, found[program])
    return found


def empty_job(work: Path) -> float:
    """Return the seconds of a job without work, the median of three."""
    work.mkdir()
    (work / "empty.py").write_text(EMPTY)
    shutil.copy(HERE.parent / "conf" / "dagster.yaml", work)
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    command += ["-f", str(work / "empty.py"), "-j", "empty"]
    variables = processes.plain_environment(DAGSTER_HOME=str(work))
    return float(np.median([processes.run(command, variables).seconds for _ in range(3)]))


def measure(work: Path, slices: int, folds: int, growth: Sequence[int]) -> dict[str, Any]:
    """Make all measurements, with all files below a work folder; return the numbers.

    Parameters
    ----------
    work : Path
        The folder of all files. The parts make their own folders in it.
    slices : int
        Of the phantom.
    folds : int
        Of each backbone.
    growth : sequence of int
        Numbers of series in the batches that show how time, memory and Dagster's store grow.
    """
    source, models = inputs(work, slices, folds)
    warm_up(work, models)
    found: dict[str, Any] = {
        "machine": machine(),
        "data": "real" if "DICOM_INPUT" in os.environ else "phantom",
        "weights": "given" if "MODEL_DIR" in os.environ else "stand-ins",
        "loop": loop(source, models, folds, work / "loop"),
        "empty_job": empty_job(work / "empty"),
    }
    variants = found["machine"]["variants"]
    batch.multiply(source, work / "several", FURTHER)
    half = {"precision": "bfloat16"}
    for name, dicom, fields in (
        ("first", source, {}),
        ("warm", source, {}),
        ("several", work / "several", {}),
        *([("bfloat16", source, half)] if any("bfloat16" in name for name in variants) else []),
    ):
        networks = {"max_folds_per_backbone": folds, **fields}
        found[name] = batch.run(work / "whole", dicom, models, {"networks": networks})
        _say(name, found[name])
    loaded = dict(np.load(work / "loop" / "probabilities.npz"))
    found["predictions"] = speed.measure(work / "loop" / "png", models, folds, loaded, variants)
    found["live"] = arriving.measure(work / "live", source, models, folds)
    _say("live", found["live"])
    first_slices(source, work / "few", GROWTH_SLICES)
    small = {"networks": {"max_folds_per_backbone": GROWTH_FOLDS}}
    batch.run(work / "grown", work / "few", models, small)  # makes the DAGSTER_HOME
    found["growth"] = []
    for series in growth:
        batch.multiply(work / "few", work / f"{series}", series)
        found["growth"].append(batch.run(work / "grown", work / f"{series}", models, small))
        _say(f"{series} series", found["growth"][-1])
    return found | {"overhead": overhead.measure(work)}


def _say(name: str, row: dict[str, Any]) -> None:
    print(name, json.dumps(row), file=sys.stderr, flush=True)


def main() -> None:
    """Measure; write ``results.json``, and what it says into the two README files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=28, help="of the phantom")
    parser.add_argument("--folds", type=int, default=FOLDS, help="of each backbone")
    parser.add_argument("--growth", type=int, nargs="+", default=[1, 10, 100], help="of batches")
    parser.add_argument("--dry", action="store_true", help="print the tables, and write no file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work:
        found = measure(Path(work), given.slices, given.folds, given.growth)
    print(report.tables(found))
    if given.dry:
        return
    (HERE / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for path, renew in (
        (HERE / "README.md", report.with_tables),
        (HERE.parent / "README.md", report.with_figures),
    ):
        path.write_text(renew(path.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
