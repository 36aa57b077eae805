"""Measure the training of each backbone: seconds per 1,000 samples, and memory.

Reading, decoding and augmentation count; validation and the state on disk do not. Each backbone
runs in a process of its own. The images are noise in an ellipse, written as PNG: they take the time
of real ones. On CUDA the defaults are the reference's input size and batch, two epochs over 2,000
slices; on the CPU a small input and a few batches.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ich_resources.backbones.device import describe_devices
from ich_resources.backbones.table import BACKBONES
from ich_resources.hemorrhage import CLASSES
from ich_resources.training.arithmetic import one_device, resolve_precision
from ich_resources.training.epoch import EpochRunner
from ich_resources.training.initial import initial_network
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.recipe import TIMES_PER_EPOCH, Recipe
from ich_resources.training.results import Hooks
from ich_resources.training.slices import TrainingSlices

SLICES = 4
"""Slices of a series; as often as an epoch visits it."""


def write_images(folder: Path, series: int, edge: int) -> TrainingSlices:
    """Write the slices of some series, and return them with random labels."""
    rng = np.random.default_rng(0)
    mask = np.zeros((edge, edge), np.uint8)
    cv2.ellipse(mask, (edge // 2, edge // 2), (edge * 2 // 5, edge * 9 // 20), 0, 0, 360, 1, -1)
    names, groups, paths = [], [], []
    for number in range(series):
        for index in range(SLICES):
            path = folder / f"{number}_{index}.png"
            cv2.imwrite(str(path), mask * rng.integers(90, 130, mask.shape, np.uint8))
            names.append(path.stem)
            groups.append(str(number))
            paths.append(path)
    labels = (rng.random((len(names), len(CLASSES))) < 0.2).astype(np.float32)
    return TrainingSlices(tuple(names), tuple(groups), tuple(paths), labels)


def measure(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train some epochs of one backbone; the first warms up where there are several."""
    device = one_device(options.device)
    recipe = Recipe.for_fold(
        BACKBONES[name],
        0,
        input_size=options.size,
        batch_size=options.batch,
        micro_batch=options.micro_batch,
        precision=resolve_precision("auto", device),
        init="random",
    )
    slices = write_images(folder, options.series, options.edge)
    network = initial_network(recipe, InitialFile("random"))
    runner = EpochRunner(network, slices, recipe, device, options.threads, Hooks())
    walls, cpus = [], []
    for epoch in range(options.epochs):
        wall, cpu = time.perf_counter(), time.process_time()
        runner.train(epoch)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    samples = len(slices.ranges) * TIMES_PER_EPOCH / 1000
    found = {
        "backbone": name,
        "device": describe_devices([device]),
        "precision": recipe.precision,
        "input_size": recipe.input_size,
        "batch_size": recipe.batch_size,
        "micro_batch": recipe.micro_batch,
        "slices": len(slices),
        "epochs": options.epochs,
        "threads": options.threads,
        "seconds_per_1000_samples": round(walls[-1] / samples, 1),
        "seconds_per_1000_samples_first_epoch": round(walls[0] / samples, 1),
        "cpu_seconds_per_1000_samples": round(cpus[-1] / samples, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if device.type == "cuda":
        found["peak_gpu_mb"] = round(torch.cuda.max_memory_allocated(device) / 2**20)
    return found


def parsed() -> argparse.Namespace:
    """Return the arguments, with defaults that fit the machine."""
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backbone", choices=list(BACKBONES), help="only this one")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", type=int, default=None if cuda else 96, help="input size")
    parser.add_argument("--batch", type=int, default=None if cuda else 16)
    parser.add_argument("--micro-batch", type=int, default=None)
    parser.add_argument("--series", type=int, default=500 if cuda else 8)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--edge", type=int, default=512, help="native edge of the images")
    parser.add_argument("--threads", type=int, default=12 if cuda else 2)
    parser.add_argument("--out", type=Path, help="JSON file")
    return parser.parse_args()


def main() -> None:
    """Measure one backbone, or each in a process of its own."""
    options = parsed()
    if options.backbone:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.backbone, options, Path(folder))))
        return
    found = []
    for name in BACKBONES:
        command = [sys.executable, __file__, *sys.argv[1:], "--backbone", name]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:  # as where a batch does not fit: the others are measured all the same
            text = ran.stderr.strip().splitlines() or ["it failed"]
            found.append({"backbone": name, "error": text[-1]})
        else:
            found.append(json.loads(ran.stdout.splitlines()[-1]))
        print(json.dumps(found[-1], indent=2))
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
