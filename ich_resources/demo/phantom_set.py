"""Phantom patients as a training sees them: windowed slices as PNG, with their labels."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.demo.patients import Patient, heights_of, volume_of
from ich_resources.preprocessing import window_to_uint8
from ich_resources.training.slices import TrainingSlices

WINDOW = (40.0, 80.0)
"""Centre and width of the window of every phantom, in HU."""


def paint_patient(
    folder: Path, patient: Patient, slices: int, size: int
) -> npt.NDArray[np.float32]:
    """Paint the slices of a patient as PNG, ``<seed>_<slice>.png``.

    Parameters
    ----------
    folder : Path
        Takes the images; it must exist.
    patient : Patient
        The patient.
    slices, size : int
        Slices, and their rows and columns.

    Returns
    -------
    float32 array, shape (slices, 6)
        The labels.

    Raises
    ------
    OSError
        If an image cannot be written.
    """
    hu, labels = volume_of(patient, heights_of(patient, slices), size)
    for path, image in zip(image_paths(folder, patient.seed, slices), hu, strict=True):
        _, encoded = cv2.imencode(".png", window_to_uint8(image, *WINDOW))
        path.write_bytes(encoded.tobytes())
    return labels


def image_paths(folder: Path, seed: int, slices: int) -> list[Path]:
    """Return the images of a patient, in the order of the slices.

    Parameters
    ----------
    folder : Path
        The folder of the images.
    seed : int
        Seed of the patient; the name of a file begins with it.
    slices : int
        How many slices the patient has.
    """
    return [folder / f"{seed}_{number:02d}.png" for number in range(slices)]


def training_slices(
    folder: Path, seeds: Sequence[int], labels: npt.NDArray[np.float32]
) -> TrainingSlices:
    """Return painted patients as a training takes them.

    Parameters
    ----------
    folder : Path
        Holds their images.
    seeds : sequence of int
        The patients.
    labels : float32 array, shape (patients, slices, 6)
        Their labels.
    """
    images = [path for seed in seeds for path in image_paths(folder, seed, labels.shape[1])]
    return TrainingSlices(
        slices=tuple(path.stem for path in images),
        groups=tuple(path.stem.partition("_")[0] for path in images),
        images=tuple(images),
        labels=labels.reshape(-1, labels.shape[2]),
    )
