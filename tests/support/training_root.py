"""A small data set below a TRAIN_ROOT, and the command line on it.

The pictures are ellipses. A bleed is a bright disc: its place says which subtype it is.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from workplace import Workplace

from ich_resources.dataset.table import (
    digests_bytes,
    digests_path,
    slices_bytes,
    write_dataset,
)
from ich_resources.digests import file_sha256
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Folds, LabelledSlices
from ich_resources.storage.training_layout import TrainingLayout

SIZE = 64
PLACES = ((16, 16), (16, 48), (48, 16), (48, 48), (32, 32))
"""Row and column of the disc of each subtype."""


@dataclass(frozen=True)
class Amount:
    """How much there is of everything."""

    patients: int = 10
    slices: int = 4


def labels_of(generator: np.random.Generator, slices: int) -> np.ndarray:
    """Return labels of a series: a run of slices with one or two kinds, or nothing."""
    values = np.zeros((slices, len(CLASSES)), np.float32)
    if generator.random() < 0.7:
        kinds = generator.choice(len(PLACES), size=generator.integers(1, 3), replace=False)
        first = int(generator.integers(0, slices))
        rows = slice(first, min(slices, first + 1 + int(generator.integers(0, slices))))
        values[rows, 0] = 1
        values[rows, kinds + 1] = 1
    return values


def picture(generator: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Return a slice, uint8."""
    image = generator.normal(90, 8, (SIZE, SIZE))
    image += 40 * np.hypot(*(np.indices((SIZE, SIZE)) / SIZE - 0.5)).astype(float)
    for kind, (row, column) in enumerate(PLACES):
        if labels[kind + 1]:
            cv2.circle(image, (column, row), 7, 230, -1)
    return image.clip(0, 255).astype(np.uint8)


def make_slices(
    layout: TrainingLayout, amount: Amount, seed: int, folder: str = "png"
) -> LabelledSlices:
    """Write pictures, and return their slices."""
    generator = np.random.default_rng(seed)
    series, labels, images = [], [], []
    for patient in range(amount.patients):
        own = labels_of(generator, amount.slices)
        for index, row in enumerate(own):
            path = layout.dataset / folder / f"ID_{seed}.2.{patient}.{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture(generator, row))
            images.append(path)
            series.append(patient)
        labels.append(own)
    indices = np.tile(np.arange(amount.slices), amount.patients)
    return LabelledSlices(
        tuple(f"{seed}.2.{p}.{i}" for p, i in zip(series, indices, strict=True)),
        tuple(f"{seed}.3.{p:03}" for p in series),
        tuple(f"{seed}.4.{p}" for p in series),
        tuple(f"{p:032x}" for p in series),
        indices,
        indices * 5.0,
        np.concatenate(labels),
        tuple(images),
        "",
    )


def write_training_root(root: Path, amount: Amount | None = None, seed: int = 1) -> LabelledSlices:
    """Write labelled slices, their pictures and folds."""
    amount, layout = amount or Amount(), TrainingLayout(root)
    slices = make_slices(layout, amount, seed)
    folds = Folds({f"{p:032x}": p % 5 for p in range(amount.patients)})
    write_dataset(layout.slices, layout.folds, root, slices, folds)
    return slices


def write_test_set(root: Path, amount: Amount, seed: int = 2) -> LabelledSlices:
    """Write the slices of a test set, without their labels; return them with their labels."""
    layout = TrainingLayout(root)
    slices = make_slices(layout, amount, seed, "test_png")
    unread = replace(slices, labels=np.full_like(slices.labels, np.nan))
    digests = [file_sha256(path) for path in slices.images]
    layout.test_slices.write_bytes(slices_bytes(unread, root))
    digests_path(layout.test_slices).write_bytes(digests_bytes(unread, root, digests))
    return slices


def tiny_config(training: dict | None = None, **ops: dict) -> str:
    """Return a run configuration for a minute of CPU at most.

    Parameters
    ----------
    training : dict, optional
        Fields of the resource that differ.
    **ops : dict
        Configuration of each op.
    """
    fields = {
        "init": "random",
        "epochs": 1,
        "input_size": 32,
        "batch_size": 8,
        "schedule": "one_cycle",
        "augment": "mirror",
        "threads": 1,
        "device": "cpu",
    }
    resources = {"training": {"config": fields | (training or {})}}
    config = {"resources": resources, "ops": {op: {"config": v} for op, v in ops.items()}}
    return json.dumps(config)


@dataclass
class TrainingPlace(Workplace):
    """Folders of one user who trains, and the command that user types."""

    @property
    def layout(self) -> TrainingLayout:
        return TrainingLayout(self.root / "train")

    def environ(self) -> dict[str, str]:
        return super().environ() | {"TRAIN_ROOT": str(self.root / "train"), "OMP_NUM_THREADS": "1"}

    def command(self, job: str, config: str) -> list[str]:
        """Return the command that executes a job."""
        return self._command(job, config)

    def kill_when(self, job: str, config: str, reached: Callable[[], bool]) -> None:
        """Begin a job; kill -9 it and its children as soon as a moment is reached."""
        process = self.start(job, config)
        end = time.monotonic() + 600
        try:
            while not reached():
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.0005)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
