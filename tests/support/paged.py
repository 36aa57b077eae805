"""Series of made-up numbers and pictures, for pages."""

from typing import Any

import cv2
import numpy as np

from ich_resources.pages.preview import preview
from ich_resources.pages.series_page import SeriesSlices, key_slices
from ich_resources.pages.worklist_page import probabilities_of

HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><svg onload=document.title='owned'>",
    '"><img src=x onerror=document.title=1>',
    "Kopf nativ 4,8 mm \\u003c \u2028 ü 頭部 {{7*7}} ${7*7} __DATA__ /* page.css */",
    "__proto__",
)
"""Descriptions that a page must show as they are."""
BACKBONES = ("DenseNet121_change_avg", "DenseNet169_change_avg", "se_resnext101_32x4d")


def slices(count: int = 28, seed: int = 0, folds: int = 5) -> SeriesSlices:
    """Return a series of coarse noise, hard to compress, with a bump of P(any)."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, 40, 40), np.uint8)
    crops = np.stack([cv2.resize(one, (512, 512)) for one in small])
    bump = rng.random() * np.exp(-((np.arange(count) - count / 2) ** 2) / 18)
    p = np.stack([bump, *(bump * rng.random() for _ in range(5))], 1).astype(np.float32)
    noise = rng.normal(0, 0.05, (3, folds, count, 6))
    by_fold = {
        name: np.clip(p + one, 0, 1).astype(np.float32)
        for name, one in zip(BACKBONES, noise, strict=True)
    }
    maps = np.stack([cv2.resize(one[:8, :8], (256, 256)) for one in small])
    targets = p.argmax(1).tolist()
    return SeriesSlices(crops, p, by_fold, maps, 0, targets, ["RLAP"] * count)


def about(**changes: Any) -> dict[str, Any]:
    """Return what holds for a whole series."""
    return {
        "uid": "1.2.3",
        "study": "1.2",
        "description": HOSTILE[0],
        "banner": "",
        "bars": "ensemble probabilities",
        "threshold": None,
        "calibrated": False,
        "scaled": True,
    } | changes


def each(count: int) -> list[dict[str, Any]]:
    """Return what a series page says of each slice."""
    return [
        {"window": [40.0, 80.0], "z": 4.8 * i, "panel": f"{i:03d}_a#%.png", "score": 0.25}
        for i in range(count)
    ]


def rows(count: int, made: int = 20, **changes: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return rows of a worklist, every third study with two series, and their pictures."""
    pool = [slices(seed=seed) for seed in range(min(count, made))]
    shown = [preview(one, key_slices(one.probabilities), scaled=True) for one in pool]
    numbers = [probabilities_of(one.probabilities) for one in pool]
    found: list[dict[str, Any]] = []
    pictures: dict[str, Any] = {}
    for index in range(count):
        one = pool[index % len(pool)]
        second = index % 3 == 1
        uid = f"1.2.{index}"
        row = {
            "u": uid,
            "y": f"1.{index - second}",
            "d": HOSTILE[index % len(HOSTILE)],
            "s": "done",
            "m": not second,
            "n": [28, 28, 0, 0, 0],
            "r": [f"GANTRY_TILT: {HOSTILE[1]}"] if index % 4 == 0 else [],
            "f": ["CONTRAST"] if index % 8 == 0 else [],
            "w": "",
            "t": 12.5,
            "x": False,
            "q": False,
            "g": {
                name: [round(float(p), 4) for p in folds[:, numbers[index % len(pool)]["k"], 0]]
                for name, folds in one.folds.items()
            },
            "page": True,
        }
        found.append(row | numbers[index % len(pool)] | changes)
        pictures[uid] = shown[index % len(pool)]
    return found, pictures


def said(**changes: Any) -> dict[str, Any]:
    """Return what a worklist says beside its rows."""
    return {
        "summary": "some series were found",
        "written": "",
        "banners": [],
        "remark": "",
        "unscoredWords": "grouped",
        "threshold": None,
        "rule": "",
        "about": [["Options", {"saliency": {"preset": "clear"}, "threshold": None}]],
    } | changes


UNSCORED = [
    {
        "n": 2,
        "state": "refused",
        "code": "LOCALIZER",
        "reason": HOSTILE[2],
        "path": f"a/{HOSTILE[0]}.dcm",
        "series": "1.2.9",
    }
]
