"""The objects of a series from made-up numbers: real source files, no networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pydicom
from ledgers import only_series, scan

from ich_resources.dicom.source_headers import source_headers
from ich_resources.dicom_objects.grid import on_source_grid
from ich_resources.dicom_objects.make import make_objects, wanted
from ich_resources.dicom_objects.scored import Scored, objects_version
from ich_resources.panels.resource import PanelsResource
from ich_resources.preprocessing import CROP_FIRST, CROP_LAST

Headers = Sequence[Mapping[str, Sequence[str]]]


def headers_of(folder: Path, **texts: str) -> list[dict[str, list[str]]]:
    """What the files of a folder say, in series order; ``texts`` take the place of values."""
    series = only_series(scan(folder))
    slices = sorted((s for s in series.slices if s.judgement is None), key=lambda s: s.position)
    found = source_headers(series, [s.sop_instance_uid for s in slices])
    return [header | {name: [text] for name, text in texts.items()} for header in found]


def marked_map(row: float, column: float, rows: int, columns: int) -> np.ndarray:
    """A kept map, uint8 (256, 256), with one hot spot at a place of the source slice."""
    edge = CROP_LAST - CROP_FIRST
    down = (row + 0.5) / rows * 512 - CROP_FIRST
    across = (column + 0.5) / columns * 512 - CROP_FIRST
    place = np.array([down, across]) / edge * 256 - 0.5
    grid = np.indices((256, 256)).transpose(1, 2, 0)
    return np.rint(255 * np.exp(-((grid - place) ** 2).sum(-1) / 18)).astype(np.uint8)


def made_up(slices: int, spot: np.ndarray, *, threshold: float | None = None) -> Scored:
    """A result with probabilities of a fixed seed; the map of each slice is a bit weaker."""
    factors = np.linspace(1, 0.92, slices)[:, None, None]
    numbers = np.random.default_rng(7)
    return Scored(
        probabilities=numbers.random((slices, 6)).astype(np.float32),
        folds={"DenseNet121": numbers.random((5, slices, 6)).astype(np.float32)},
        maps=np.rint(spot * factors).astype(np.uint8),
        first_map=0,
        targets=[0] * slices,
        key_slices=[0, 2],
        threshold=threshold,
        method="gradcampp",
        banner="",
        facts=["Slices: all of them."],
    )


def objects_of(
    headers: Headers,
    scored: Scored,
    *,
    parametric_map: bool = True,
    pictures: Sequence[np.ndarray] = (),
) -> dict[str, bytes]:
    """The bytes of each object by its name; without pictures (uint8) the slices are dark."""
    rows, columns = int(headers[0]["Rows"][0]), int(headers[0]["Columns"][0])
    pictures = pictures or [np.full((rows, columns), 40, np.uint8)] * len(headers)
    painter = PanelsResource()
    overlays = (
        painter.overlay(picture, on_source_grid(one, rows, columns), 1.0)
        for picture, one in zip(pictures, scored.maps, strict=True)
    )
    version = objects_version("inputs", scored, headers, ["digest"] * len(headers))
    which = wanted(headers, parametric_map=parametric_map)
    return dict(make_objects(scored, overlays, headers, version, "0.1.0", which))


def read(content: bytes) -> pydicom.Dataset:
    """An object, parsed."""
    from io import BytesIO

    return pydicom.dcmread(BytesIO(content))


def hottest(picture: np.ndarray) -> tuple[float, float]:
    """Row and column of the centre of the reddest part of an overlay."""
    red = picture[..., 0].astype(np.float64) - picture[..., 1]  # the letters are yellow and white
    red = cv2.GaussianBlur(np.clip(red, 0, None), (0, 0), 1)
    red[red < red.max() / 2] = 0
    grid = np.indices(red.shape)
    return float((grid[0] * red).sum() / red.sum()), float((grid[1] * red).sum() / red.sum())


def in_patient(slice_of: pydicom.Dataset, row: float, column: float) -> np.ndarray:
    """Where a pixel lies in the patient, in mm (DICOM PS3.3 C.7.6.2.1.1)."""
    position, directions = slice_of.ImagePositionPatient, slice_of.ImageOrientationPatient
    down, across = slice_of.PixelSpacing
    along_row, along_column = np.array(directions[:3]), np.array(directions[3:])
    return np.array(position) + along_row * across * column + along_column * down * row
