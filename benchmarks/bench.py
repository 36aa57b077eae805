"""``make bench``: measure every number in the last section of ``benchmarks/README.md``.

DICOM_INPUT may name a folder with one series, and MODEL_DIR the folder of the checkpoints. Without
them the script uses a phantom of 28 slices and untrained stand-in weights. They take the same time.
The runs write into BENCH_DIR, by default a temporary folder. The speed of its disk matters.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import batch
import overhead
import pydicom
import speed
import torch

from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.demo.checkpoints import write_checkpoints
from ich_resources.demo.study import write_series
from ich_resources.machine import processor

HERE = Path(__file__).parent
MARK = "<!-- make bench writes everything below this line -->"
GROWTH = (1, 10, 50)
"""Numbers of series in the batches that show how time and memory grow."""
GROWTH_SLICES, GROWTH_FOLDS = 4, 1


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


def measure(work: Path) -> dict[str, Any]:
    """Make all measurements, with all files below a work folder; return the numbers."""
    given = os.environ.get("DICOM_INPUT")
    source = Path(given) if given else work / "phantom"
    if not given:
        source.mkdir()
        write_series(source, name="head", slices=28, bleed=True, size=512)
    models = Path(os.environ.get("MODEL_DIR") or work / "models")
    if not (models / "2DNet").is_dir():
        write_checkpoints(models, folds=FOLDS)
    at_224 = {"saliency": {"image_size_override": speed.SALIENCY_SIZE}}
    batch.run(work / "whole", source, models, at_224)  # converts the networks
    whole = batch.run(work / "whole", source, models, at_224)
    parts = speed.measure(work / "whole" / "results" / "processed" / "png", models, FOLDS)
    first_slices(source, work / "few", GROWTH_SLICES)
    growth = []
    for series in GROWTH:
        batch.multiply(work / "few", work / f"{series}", series)
        small = at_224 | {"networks": {"max_folds_per_backbone": GROWTH_FOLDS}}
        growth.append(batch.run(work / "grown", work / f"{series}", models, small))
        print(growth[-1], file=sys.stderr, flush=True)
    return {
        "machine": machine(),
        "data": "real" if given else "phantom",
        "slices": whole["slices"],
        "checkpoints": whole["checkpoints"],
        "rooms": parts,
        "whole": whole,
        "growth": growth,
        "overhead": overhead.measure(work),
    }


def tables(found: dict[str, Any]) -> str:
    """Return the measurements as Markdown tables."""
    parts, whole, passes = found["rooms"], found["whole"], found["slices"] * found["checkpoints"]
    baseline = parts[0]["seconds"]
    lines = [
        f"Machine: {found['machine']}. {found['slices']} slices ({found['data']}), "
        f"{found['checkpoints']} checkpoints.",
        "",
        "| predictions | s | s of loading | speed relative to the baseline "
        "| slices x networks / s | largest difference | peak GB |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['what']} | {row['seconds']:.1f} | {row['of_it_loading']:.1f} "
        f"| {baseline / row['seconds']:.2f} | {passes / row['seconds']:.1f} "
        f"| {row['largest_difference']:.1e} | {row['peak_mb'] / 1024:.1f} |"
        for row in parts
        if "seconds" in row
    ]
    (pictures,) = (row for row in parts if "panels" in row)
    per_panel = pictures["panels"] / found["slices"]
    steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in whole["steps"].items())
    lines += [
        "",
        f"The saliency maps of {len(BACKBONES)} networks at {speed.SALIENCY_SIZE} pixels took "
        f"{pictures['saliency']:.1f} s. The panels took {pictures['panels']:.1f} s, that is "
        f"{per_panel:.2f} s for each.",
        "",
        f"The whole batch, from the command to the tables, took {whole['seconds']:.1f} s. The "
        f"scores of the first backbone were on disk after {whole['to_first_backbone']:.1f} s. "
        f"Seconds of each step: {steps}.",
        "",
        f"| series in a batch ({GROWTH_SLICES} slices each, {GROWTH_FOLDS} fold) | s "
        "| s for each further series | checkpoints loaded | peak MB |",
        "|---|---|---|---|---|",
    ]
    first = found["growth"][0]
    for row in found["growth"]:
        further = row["series"] - first["series"]
        each = f"{(row['seconds'] - first['seconds']) / further:.2f}" if further else ""
        lines.append(
            f"| {row['series']} | {row['seconds']:.1f} | {each} | {row['checkpoints']} "
            f"| {row['peak_mb']:.0f} |"
        )
    own, quick = (found["overhead"][name] for name in ("as it comes", "quick_commits"))
    lines += [
        "",
        f"A series of our graph with empty steps took Dagster {own:.2f} s with its own commits and "
        f"{quick:.2f} s with quick commits.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure; write ``results.json`` and the tables of ``benchmarks/README.md``."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work:
        found = measure(Path(work))
    (HERE / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    fixed = readme.read_text(encoding="utf-8").partition(MARK)[0]
    readme.write_text(f"{fixed}{MARK}\n\n{tables(found)}", encoding="utf-8")
    print(tables(found))


if __name__ == "__main__":
    main()
