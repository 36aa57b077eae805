"""Small sets of slices for tests of the training: ellipses with five kinds of bright bleeds."""

from pathlib import Path

import cv2
import numpy as np

from ich_resources.training.slices import TrainingSlices

SIZE = 96
SLICES = 6
"""Slices of a series."""
_BLEEDS = (  # centre x, y, radii x, y, as shares of the image: one kind each, at one side
    (0.22, 0.42, 0.035, 0.16),
    (0.38, 0.62, 0.09, 0.08),
    (0.50, 0.46, 0.045, 0.15),
    (0.60, 0.24, 0.13, 0.03),
    (0.76, 0.55, 0.03, 0.22),
)


def head(rng: np.random.Generator, height: float, kinds: list[int]) -> np.ndarray:
    """Return a slice at a relative height with bleeds of these kinds: uint8 (96, 96)."""
    image = np.zeros((SIZE, SIZE), np.float32)
    size = 0.75 + 0.25 * np.sin(np.pi * height)
    for radii, level in (((0.36, 0.44), 250.0), ((0.33, 0.41), 105.0)):
        axes = tuple(round(SIZE * size * r) for r in radii)
        cv2.ellipse(image, (SIZE // 2, SIZE // 2), axes, 0, 0, 360, level, -1)
    for kind in kinds:
        x, y, rx, ry = _BLEEDS[kind]
        x, y = (c + rng.uniform(-0.02, 0.02) for c in (x, y))
        if rng.random() < 0.5:
            x = 1 - x
        axes = tuple(max(2, round(SIZE * r * rng.uniform(0.8, 1.2))) for r in (rx, ry))
        cv2.ellipse(image, (round(x * SIZE), round(y * SIZE)), axes, 0, 0, 360, 185.0, -1)
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def make_slices(folder: Path, series: int, *, seed: int, slices: int = SLICES) -> TrainingSlices:
    """Write the series of some patients; six in ten bleed, in a run of two to four slices.

    A second kind of bleed comes to every fourth of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    names, groups, images, labels = [], [], [], []
    for number in range(series):
        kinds: list[int] = []
        if rng.random() < 0.6:
            kinds = rng.choice(5, 1 + int(rng.random() < 0.25), replace=False).tolist()
        first = int(rng.integers(0, slices))
        run = range(first, first + int(rng.integers(2, 5)))
        for index in range(slices):
            seen = kinds if index in run else []
            name = f"s{seed}_{number}_{index}"
            path = folder / f"{name}.png"
            cv2.imwrite(str(path), head(rng, (index + 0.5) / slices, seen))
            label = np.zeros(6, np.float32)
            label[[0, *(kind + 1 for kind in seen)] if seen else []] = 1
            names.append(name)
            groups.append(f"s{seed}_{number}")
            images.append(path)
            labels.append(label)
    return TrainingSlices(tuple(names), tuple(groups), tuple(images), np.array(labels, np.float32))
