"""What the worklist shows of one series: its key slices, small, with their maps."""

from collections.abc import Sequence
from typing import Any

from ich_resources.pages.pictures import raw, webp
from ich_resources.pages.series_page import SeriesSlices

_SIZE, _QUALITY, _MAP_SIZE = 208, 60, 24
_LARGEST = 19_000
"""Largest number of bytes of the pictures of a series, so that 1000 of them fit into 25 MB."""


def preview(slices: SeriesSlices, keys: Sequence[int], *, scaled: bool) -> dict[str, Any]:
    """Return pictures of some slices.

    Parameters
    ----------
    slices : SeriesSlices
        Of the whole series.
    keys : sequence of int
        Their indices.
    scaled : bool
        Whether the opacity of the colours is multiplied with P of the explained class.

    Returns
    -------
    dict
        ``keys``; ``gray``, WebP of 208 pixels in base64; ``maps``, 24 × 24 values in base64, empty
        where a slice has no map; ``targets``, the classes that the maps explain, and ``p``, their
        probabilities; ``strength``, the factors of the opacity; ``sides``.
    """
    places = [index - slices.first_map for index in keys]
    mapped = [0 <= place < len(slices.maps) for place in places]
    gray: list[str] = []
    for quality in (_QUALITY, 40, 20):
        gray = [webp(slices.crops[index], _SIZE, quality) for index in keys]
        if sum(map(len, gray)) <= _LARGEST:
            break
    pairs = list(zip(places, mapped, strict=True))
    targets = [slices.targets[place] if known else -1 for place, known in pairs]
    p = [
        round(float(slices.probabilities[index, target]), 4) if target >= 0 else 0.0
        for index, target in zip(keys, targets, strict=True)
    ]
    return {
        "keys": list(keys),
        "gray": gray,
        "maps": [raw(slices.maps[place], _MAP_SIZE) if known else "" for place, known in pairs],
        "targets": targets,
        "sides": [slices.sides[index] for index in keys],
        "p": p,
        "strength": p if scaled else [1.0] * len(p),
    }
