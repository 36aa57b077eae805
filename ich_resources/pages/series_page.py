"""The page of one series: every slice with its map, its probabilities and those of each fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.pages.filling import fill
from ich_resources.pages.pictures import shares, webp

BYTES, BYTES_PER_SLICE = 400_000, 10_000
"""Largest page, up to 40 slices, and for each slice of a longer series."""
_TRIES = ((256, 60), (256, 40), (192, 60), (192, 40), (192, 20), (128, 20), (64, 20))
"""Edge in pixels and quality of the pictures, tried in this order until the page fits."""
_MANY = 300
"""Above this number of slices the pictures have at most 192 pixels."""
_MAP_SIZE, _MAP_QUALITY = 64, 75


@dataclass(frozen=True)
class SeriesSlices:
    """What the page shows of each slice.

    Attributes
    ----------
    crops : uint8 array, shape (N, 512, 512)
        The slices.
    probabilities : float32 array, shape (N, 6)
        As the tables show them.
    folds : mapping of str to float32 array, shape (F, N, 6)
        Probabilities of each checkpoint, by the name of the backbone; before a calibration.
    maps : uint8 array, shape (M, 256, 256)
        Saliency maps.
    first_map : int
        Index of the slice of the first map.
    targets : sequence of int
        Class that each map explains.
    sides : sequence of str
        Letters of the left, right, upper and lower edge of each slice; empty where not known.
    """

    crops: npt.NDArray[np.uint8]
    probabilities: FloatArray
    folds: Mapping[str, FloatArray]
    maps: npt.NDArray[np.uint8]
    first_map: int
    targets: Sequence[int]
    sides: Sequence[str]


def series_page(
    slices: SeriesSlices, about: Mapping[str, Any], each: Sequence[Mapping[str, Any]]
) -> bytes:
    """Return the page: HTML, one file, at most 400 kB or 10 kB for each slice.

    Parameters
    ----------
    slices : SeriesSlices
        Pictures and numbers.
    about : mapping
        What holds for the whole series: ``uid``, ``study``, ``description``, ``banner``, ``bars``,
        ``threshold``, ``calibrated``, ``scaled`` (whether the opacity is multiplied with P).
        Foreign text is on one line.
    each : sequence of mapping
        For each slice ``window`` (center, width), ``z``, ``panel`` (file name, or empty) and
        ``score`` (or None).
    """
    widest = 256 if len(slices.crops) <= _MANY else 192
    largest = max(BYTES, BYTES_PER_SLICE * len(slices.crops))
    data = {**about, "slices": list(each), **_numbers(slices)}
    data["maps"] = [webp(one, _MAP_SIZE, _MAP_QUALITY) for one in slices.maps]
    page = b""
    for size, quality in (tried for tried in _TRIES if tried[0] <= widest):
        data["size"] = size
        data["gray"] = [webp(crop, size, quality) for crop in slices.crops]
        page = fill("series.html", data)
        if len(page) <= largest:
            break
    return page


def _numbers(slices: SeriesSlices) -> dict[str, Any]:
    return {
        "classes": list(CLASSES),
        "p": np.round(slices.probabilities.astype(np.float64), 4).tolist(),
        "first": slices.first_map,
        "sides": list(slices.sides),
        "targets": list(slices.targets),
        "checkpoints": [[name, len(values)] for name, values in slices.folds.items()],
        "folds": shares(np.concatenate(list(slices.folds.values()))),
    }


def key_slices(probabilities: FloatArray, count: int = 3) -> list[int]:
    """Return the slices to look at first: highest P(any), no two beside each other.

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        Of a whole series.
    count : int
        Number of slices; fewer where the series is too short.
    """
    found: list[int] = []
    for index in np.argsort(-probabilities[:, ANY], kind="stable").tolist():
        if len(found) < count and all(abs(index - other) > 1 for other in found):
            found.append(index)
    return found
