"""``make bench-gpu``: measure a CUDA card against the reference's loop on the same card.

It makes a phantom and untrained stand-in weights, which take the same time as trained ones, and
needs less than eight minutes on a fresh machine. It prints Markdown for ``benchmarks/README.md``.
With ``--device cpu`` it measures the same on the processor, to try the script.
"""

import argparse
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import reference
import speed
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from ich_resources.backbones.inputs import to_input
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.demo.checkpoints import write_checkpoints
from ich_resources.inference.resource import NetworksResource
from ich_resources.preprocessing import network_planes
from ich_resources.series_images import SeriesImages

PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
PEAKS = {
    "H100": {"float32": 67, "tf32": 494, "bfloat16": 989, "float16": 989},
    "H200": {"float32": 67, "tf32": 494, "bfloat16": 989, "float16": 989},
    "A100": {"float32": 19.5, "tf32": 156, "bfloat16": 312, "float16": 312},
}
"""TFLOP/s of the cards by their makers' data sheets (SXM, dense)."""
ROWS = 8
"""Kernels of the profile that are printed."""


def write_slices(folder: Path, count: int) -> SeriesImages:
    """Write slices of noise in a disc as PNG, as the reference reads them; return them."""
    folder.mkdir()
    generator, (y, x) = np.random.default_rng(0), np.mgrid[-1:1:512j, -1:1:512j]
    inside = (x**2 + y**2 < 0.8).astype(np.uint8)
    for number in range(count):
        coarse = generator.integers(0, 256, (32, 32), dtype=np.uint8)
        gray = cv2.resize(coarse, (512, 512), interpolation=cv2.INTER_CUBIC) * inside
        cv2.imwrite(str(folder / f"{number:04}.png"), gray)
    return speed.images(folder)


def seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Return the time of some work, until the device has done it."""
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def stages(
    networks: NetworksResource, folds: Sequence[LoadedFold], images: SeriesImages, batch: int
) -> dict[str, float]:
    """Return the seconds of making the inputs of a backbone and of copying them."""
    size, context = folds[0].file.input_size, networks.context_of([f.file for f in folds])
    rows = [slice(start, start + batch) for start in range(0, len(images.crops), batch)]
    device = next(folds[0].network.parameters()).device
    planes: list[Any] = []
    made = seconds(
        device,
        lambda: planes.extend(network_planes(images.crops, r, size, context) for r in rows),
    )
    copied = seconds(device, lambda: deque((to_input(p, folds[0].network) for p in planes), 0))
    return {"inputs": made, "copies": copied}


def flops(folds: Sequence[LoadedFold]) -> float:
    """Return the floating-point operations of one slice through all folds of a backbone."""
    size = folds[0].file.input_size
    device = next(folds[0].network.parameters()).device
    x = torch.zeros(1, 3, size, size, device=device)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        folds[0].network(x)
    return float(counter.get_total_flops()) * len(folds)


def measure(
    models: Path, folds: int, images: SeriesImages, precision: str, device: str
) -> dict[str, Any]:
    """Return what one precision takes, and its probabilities."""
    fields = {"precision": precision, "device": device, "backend": "pytorch"}
    networks = NetworksResource(model_dir=str(models), max_folds_per_backbone=folds, **fields)
    loaded = {b: networks.runner.load(networks.checkpoints(b)) for b in networks.chosen}
    card = next(next(iter(loaded.values()))[0].network.parameters()).device
    found, row = {}, {"precision": precision, "passes": 0.0, "inputs": 0.0, "copies": 0.0}
    for backbone, each in loaded.items():
        networks.runner.predict(each, images)  # the first call chooses kernels
        if card.type == "cuda":
            torch.cuda.reset_peak_memory_stats(card)
        row["passes"] += seconds(card, lambda e=each: networks.runner.predict(e, images))
        if card.type == "cuda":
            peak = torch.cuda.max_memory_allocated(card) / 2**30
            row["peak_gb"] = max(row.get("peak_gb", 0.0), peak)
        found[backbone.name] = networks.runner.predict(each, images).probabilities
        for name, taken in stages(networks, each, images, networks.batch_size).items():
            row[name] += taken
    row["computed_by"] = networks.runner.computed_by
    row |= {"found": found, "loaded": loaded, "networks": networks, "device": card.type}
    return row


def kernels(row: dict[str, Any], images: SeriesImages) -> str:
    """Return the kernels that take most of the time of one backbone."""
    on_card = row["device"] == "cuda"
    activities = [ProfilerActivity.CUDA] if on_card else [ProfilerActivity.CPU]
    backbone, folds = next(iter(row["loaded"].items()))
    with profile(activities=activities) as found:
        row["networks"].runner.predict(folds, images)
    order = "self_cuda_time_total" if on_card else "self_cpu_time_total"
    table = found.key_averages().table(sort_by=order, row_limit=ROWS, max_name_column_width=60)
    return f"{backbone.name}, {row['precision']}\n\n```\n{table}```\n"


def tables(rows: list[dict[str, Any]], baseline: float, slices: int, operations: float) -> str:
    """Return the measurements as Markdown."""
    card = rows[0]["computed_by"]
    peak = next((values for name, values in PEAKS.items() if name in card), {})
    lines = [
        f"{card}. The reference's loop on it: {slices / baseline:.1f} slices/s.",
        "",
        "| precision | slices/s | x the reference's loop | s of inputs | s of copies "
        "| share of the peak | largest change of P from float32 | peak GB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        rate = slices / row["passes"]
        share = rate * operations / 1e12 / peak[row["precision"]] if peak else None
        shown = f"{share:.0%}" if share is not None else "unknown"
        lines.append(
            f"| {row['precision']} | {rate:.1f} | {baseline / row['passes']:.1f} "
            f"| {row['inputs']:.2f} | {row['copies']:.2f} | {shown} | {row['change']:.1e} "
            f"| {row.get('peak_gb', 0):.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, and print the tables; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--slices", type=int, default=256)
    parser.add_argument("--folds", type=int, default=2)
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA card here: --device cpu tries the script", file=sys.stderr)
        return 1
    precisions = PRECISIONS if given.device == "cuda" else ("float32", "bfloat16")
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as scratch:
        models, folder = Path(scratch) / "models", Path(scratch) / "slices"
        write_checkpoints(models, folds=given.folds)
        images = write_slices(folder, given.slices)
        for _ in range(2):  # the first call chooses kernels
            taken, _ = reference.predict(models, given.folds, folder, given.device)
        rows = [measure(models, given.folds, images, p, given.device) for p in precisions]
        for row in rows:
            pairs = [(row["found"][name], rows[0]["found"][name]) for name in row["found"]]
            row["change"] = max(float(np.abs(a - b).max()) for a, b in pairs)
        operations = sum(flops(folds) for folds in rows[0]["loaded"].values())
        print(tables(rows, taken.seconds, given.slices, operations))
        print(kernels(rows[-1], images))
    return 0


if __name__ == "__main__":
    sys.exit(main())
