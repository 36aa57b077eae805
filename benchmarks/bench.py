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
import torch

from ich_resources.backbones.compiled import computes
from ich_resources.backbones.table import FOLDS
from ich_resources.demo.checkpoints import write_checkpoints
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


def machine() -> str:
    """Return a description of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    gpus = ", ".join(cards) or "no GPU"
    return f"{processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GB, {gpus}"


def first_slices(source: Path, target: Path, count: int) -> None:
    """Copy the first ``count`` slices of a series, in the order of their file names."""
    target.mkdir()
    taken = 0
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        if taken < count and "PixelData" in pydicom.dcmread(path, force=True):
            shutil.copy(path, target / f"{taken}.dcm")
            taken += 1


def loop(source: Path, models: Path, folds: int, work: Path) -> dict[str, dict[str, float]]:
    """Run the reference's three programs; return seconds and memory of each.

    ``seconds`` is the whole command. ``further`` is without its start and without loading.
    """
    found = {}
    for program, folder in (("images", source), ("predictions", models), ("saliency", models)):
        command = [sys.executable, str(HERE / "reference.py"), program, str(folder), str(work)]
        command += ["--folds", str(folds)]
        taken = processes.run(command, os.environ)
        inner = json.loads(taken.output.splitlines()[-1])
        found[program] = {
            "seconds": taken.seconds,
            "further": inner["seconds"],
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
    environment = os.environ | {"DAGSTER_HOME": str(work)}
    return float(np.median([processes.run(command, environment).seconds for _ in range(3)]))


def measure(work: Path, slices: int, folds: int, growth: Sequence[int]) -> dict[str, Any]:
    """Make all measurements, with all files below a work folder; return the numbers.

    Parameters
    ----------
    slices : int
        Of the phantom.
    folds : int
        Of each backbone.
    growth : sequence of int
        Numbers of series in the batches that show how time, memory and Dagster's store grow.
    """
    os.environ["XDG_CACHE_HOME"] = str(work / "cache")  # nothing is converted before the first run
    given = os.environ.get("DICOM_INPUT")
    source = Path(given) if given else work / "phantom"
    if not given:
        source.mkdir()
        write_series(source, name="head", slices=slices, bleed=True, size=512)
    models = Path(os.environ.get("MODEL_DIR") or work / "models")
    if not (models / "2DNet").is_dir():
        write_checkpoints(models, folds=folds)
    found: dict[str, Any] = {
        "machine": machine(),
        "data": "real" if given else "phantom",
        "loop": loop(source, models, folds, work / "loop"),
        "empty_job": empty_job(work / "empty"),
    }
    batch.multiply(source, work / "several", FURTHER)
    half = {"precision": "bfloat16"}
    for name, dicom, fields in (
        ("first", source, {}),
        ("warm", source, {}),
        ("several", work / "several", {}),
        *([("bfloat16", source, half)] if computes("bfloat16") else []),
    ):
        networks = {"max_folds_per_backbone": folds, **fields}
        found[name] = batch.run(work / "whole", dicom, models, {"networks": networks})
        _say(name, found[name])
    loaded = dict(np.load(work / "loop" / "probabilities.npz"))
    found["predictions"] = speed.measure(work / "loop" / "png", models, folds, loaded)
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
