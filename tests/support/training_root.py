"""A small data set below a TRAIN_ROOT, and the command line on it.

The pictures are ellipses. A bleed is a bright disc: its place says which subtype it is.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from workplace import Workplace

from ich_resources.dataset.table import write_dataset
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


def write_training_root(root: Path, amount: Amount | None = None, seed: int = 0) -> LabelledSlices:
    """Write labelled slices, their pictures and folds."""
    amount, generator = amount or Amount(), np.random.default_rng(seed)
    series, labels, images, layout = [], [], [], TrainingLayout(root)
    for patient in range(amount.patients):
        own = labels_of(generator, amount.slices)
        for index, row in enumerate(own):
            path = layout.dataset / "png" / f"ID_1.2.{patient}.{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture(generator, row))
            images.append(path)
            series.append(patient)
        labels.append(own)
    indices = np.tile(np.arange(amount.slices), amount.patients)
    slices = LabelledSlices(
        tuple(f"1.2.{p}.{i}" for p, i in zip(series, indices, strict=True)),
        tuple(f"1.3.{p:03}" for p in series),
        tuple(f"1.4.{p}" for p in series),
        tuple(f"{p:032x}" for p in series),
        indices,
        indices * 5.0,
        np.concatenate(labels),
        tuple(images),
        "",
    )
    folds = Folds({f"{p:032x}": p % 5 for p in range(amount.patients)})
    write_dataset(layout.slices, layout.folds, root, slices, folds)
    return slices


@dataclass
class TrainingPlace(Workplace):
    """Folders of one user who trains, and the command that user types."""

    @property
    def layout(self) -> TrainingLayout:
        return TrainingLayout(self.root / "train")

    def environ(self) -> dict[str, str]:
        return super().environ() | {"TRAIN_ROOT": str(self.root / "train"), "OMP_NUM_THREADS": "1"}
