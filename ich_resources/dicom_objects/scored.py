"""What the objects of one series say: numbers, maps and sentences, without patient data."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from ich_resources.digests import bytes_sha256, fingerprint
from ich_resources.findings import FloatArray

MANUFACTURER, MODEL = "ich", "ich intracranial hemorrhage scoring"
RESEARCH = "RESEARCH USE ONLY. NOT FOR DIAGNOSIS."
PACKAGES = ("ich", "highdicom", "pydicom", "opencv-python-headless", "numpy", "matplotlib")
"""Packages that write bytes of the objects. Their versions are part of each object's UID."""


@dataclass(frozen=True)
class Scored:
    """The result of one series, as the objects show it.

    Attributes
    ----------
    probabilities : float32 array, shape (N, 6)
        As the tables show them.
    folds : mapping of str to float32 array, shape (F, N, 6)
        Probabilities of each checkpoint by the name of the backbone. Empty where the mean of them
        is not what the tables show (calibration, sequence models).
    maps : uint8 array, shape (M, 256, 256)
        Saliency maps, 255 for 1.
    first_map : int
        Index of the slice of the first map.
    targets : sequence of int
        Class that each map explains.
    key_slices : sequence of int
        Indices of the slices to look at first.
    threshold : float or None
        Threshold on P(any) of the series, where the site has set one.
    method : str
        ``input_grad``, ``gradcam`` or ``gradcampp``.
    banner : str
        What the numbers are worth, where the networks were not trained on patients.
    facts : sequence of str
        Sentences for the summary page and the report, each at most 100 characters of ASCII.
    """

    probabilities: FloatArray
    folds: Mapping[str, FloatArray]
    maps: npt.NDArray[np.uint8]
    first_map: int
    targets: Sequence[int]
    key_slices: Sequence[int]
    threshold: float | None
    method: str
    banner: str
    facts: Sequence[str]

    def checkpoints(self, class_number: int) -> npt.NDArray[np.float64]:
        """Return P of a class of each checkpoint, on the slice where P of the series is highest.

        Parameters
        ----------
        class_number : int
            Index of the class.

        Returns
        -------
        float64 array, shape (F,)
            All folds of one backbone after the other; empty where ``folds`` is.
        """
        highest = int(self.probabilities[:, class_number].argmax())
        found = [values[:, highest, class_number] for values in self.folds.values()]
        return np.concatenate(found).astype(np.float64) if found else np.empty(0)


def objects_version(
    inputs_digest: str,
    scored: Scored,
    headers: Sequence[Mapping[str, Any]],
    pictures: Sequence[str],
) -> str:
    """Return the digest of everything that the bytes of the objects depend on, hexadecimal.

    Parameters
    ----------
    inputs_digest : str
        That of the step.
    scored : Scored
        Its arrays count, not only what they were made from: another device rounds differently.
    headers : sequence of mapping
        The texts of the source files.
    pictures : sequence of str
        SHA-256 of the image of each slice.
    """
    arrays: list[npt.NDArray[Any]] = [scored.probabilities, scored.maps, *scored.folds.values()]
    return fingerprint(
        {
            "inputs": inputs_digest,
            "arrays": [[list(a.shape), bytes_sha256(a.tobytes())] for a in arrays],
            "backbones": list(scored.folds),
            "first": scored.first_map,
            "targets": list(scored.targets),
            "keys": list(scored.key_slices),
            "threshold": scored.threshold,
            "texts": [scored.method, scored.banner, *scored.facts],
            "headers": [dict(header) for header in headers],
            "pictures": list(pictures),
            "packages": {name: version(name) for name in PACKAGES},
        }
    )


def object_uid(objects: str, name: str, index: int = 0) -> str:
    """Return the UID of an object or a series: ``2.25.`` and 128 bits of a SHA-256.

    The same result has the same UIDs, and another result has others (DICOM PS3.5, B.2).

    Parameters
    ----------
    objects : str
        ``objects_version``.
    name : str
        What it is.
    index : int
        Which one.
    """
    digest = hashlib.sha256(f"{objects} {name} {index}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
