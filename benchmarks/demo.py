"""``python benchmarks/demo.py [SEED ...]``: measure what the networks of the demo have learned.

For each seed (default: 0 1 2) the demo's networks are trained as ``make demo`` trains them, on the
phantoms of that seed. Then the mean of the three networks is judged, one view, on 40 patients that
no seed trains on, and on the demo's ten patients (for another seed, on ten others like them).
``benchmarks/demo.json`` holds the numbers, and the table for README.md is printed.
"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ich_resources.backbones.checkpoint import find_checkpoints
from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.cohort import FIRST_SEED, SIZE, SLICES, draw_cohort
from ich_resources.demo.patients import Patient, draw_patient
from ich_resources.demo.phantom_set import paint_patient, training_slices
from ich_resources.demo.plan import Plan
from ich_resources.demo.teaching import train_networks
from ich_resources.hemorrhage import CLASSES
from ich_resources.metric import prior_loss, weighted_log_loss
from ich_resources.training.held_out import auc
from ich_resources.training.view_options import ViewOptions
from ich_resources.training.views import predict_checkpoint

RESULTS = Path(__file__).with_name("demo.json")
PATIENTS, TEST_SEED = 40, 500_000
"""Patients that no network was trained on, and the seed of the first."""
Array = npt.NDArray[np.float32]


def main(seeds: list[int]) -> None:
    """Measure every seed, write the results and print the table."""
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="demo-") as folder:
            keep(measure(seed, Path(folder)))
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))["seeds"]))


def keep(measured: dict[str, Any]) -> None:
    """Write the results of a seed beside those of other seeds of the same plan."""
    plan = Plan.of_this_machine()
    earlier = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    others = earlier.get("seeds", []) if earlier.get("digest") == plan.digest else []
    seeds = [one for one in others if one["seed"] != measured["seed"]] + [measured]
    about = {
        "condition": f"phantoms of {SIZE} x {SIZE} pixels, {SLICES} slices each; mean of one fold "
        "of each backbone, one view; the numbers mean nothing for people",
        "patients": PATIENTS,
        "digest": plan.digest,
        "plan": plan.to_plain(),
        "machine": f"{os.cpu_count()} cores, {_processor()}, torch {torch.__version__}",
        "seeds": sorted(seeds, key=lambda one: int(one["seed"])),
    }
    RESULTS.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def measure(seed: int, folder: Path) -> dict[str, Any]:
    """Train with one seed below an empty folder, and judge the networks."""
    began = time.monotonic()
    plan = Plan.of_this_machine(seed)
    train_networks(folder / "training", folder / "models", plan, lambda text: None)
    seconds, load = time.monotonic() - began, round(os.getloadavg()[1], 1)
    others = [draw_patient(TEST_SEED + number) for number in range(PATIENTS)]
    labels, alone = score(folder, others)
    shown_labels, shown_alone = score(folder, draw_cohort(FIRST_SEED + 100 * seed))
    found, shown_found = np.mean(alone, axis=0), np.mean(shown_alone, axis=0)
    bleeding, other = [
        [
            float(p.max())
            for y, p in zip(shown_labels[..., 0], shown_found[..., 0], strict=True)
            if bool(y.any()) is wanted
        ]
        for wanted in (True, False)
    ]
    y, p = labels.reshape(-1, len(CLASSES)), found.reshape(-1, len(CLASSES))
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "load_average": load,
        "weighted_log_loss": round(weighted_log_loss(y, p), 4),
        "prior": round(prior_loss(y), 4),
        "positives": dict(zip(CLASSES, y.sum(0).astype(int).tolist(), strict=True)),
        "auc_by_slice": {name: _round(auc(y[:, c], p[:, c])) for c, name in enumerate(CLASSES)},
        "auc_any_by_slice_alone": {
            name: _round(auc(y[:, 0], one[..., 0].ravel()))
            for name, one in zip(BACKBONES, alone, strict=True)
        },
        "auc_any_by_series": _round(auc(labels[..., 0].max(1), found[..., 0].max(1))),
        "demo_lowest_with_bleed": round(min(bleeding), 4),
        "demo_highest_without": round(max(other), 4),
        "demo_without_above_with": sum(w > b for w in other for b in bleeding),
    }


def score(folder: Path, patients: list[Patient]) -> tuple[Array, list[Array]]:
    """Return the labels of patients, and each network's probabilities: (patients, slices, 6)."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        images = Path(name)
        labels = np.stack([paint_patient(images, p, SLICES, SIZE) for p in patients])
        slices = training_slices(images, [p.seed for p in patients], labels)
        found = []
        for backbone in BACKBONES:
            (file,) = find_checkpoints(folder / "models", BACKBONES[backbone], 1)
            options = ViewOptions("none", file.input_size, "replicated", batch_size=32)
            predicted = predict_checkpoint(file.path, backbone, slices, options).mean
            found.append(predicted.reshape(labels.shape))
    return labels, found


def table(measured: list[dict[str, Any]]) -> str:
    """Return the table of benchmarks/README.md."""
    kinds_named = " / ".join(CLASSES[1:])
    lines = [
        "| seed | s of training (load) | weighted log loss (prior) | AUC any by slice "
        f"| by series | by kind: {kinds_named} | lowest with, highest without |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in measured:
        kinds = " / ".join(f"{one['auc_by_slice'][kind]}" for kind in CLASSES[1:])
        lines.append(
            f"| {one['seed']} | {one['seconds']:.0f} ({one['load_average']}) "
            f"| {one['weighted_log_loss']:.3f} "
            f"({one['prior']:.3f}) | {one['auc_by_slice']['any']} | {one['auc_any_by_series']} "
            f"| {kinds} | {one['demo_lowest_with_bleed']:.2f}, {one['demo_highest_without']:.2f} |"
        )
    return "\n".join(lines)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _processor() -> str:
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        return next(names, platform.machine())


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
