"""Series of the phantom with other stored values, and what scan and pixels say about them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from ledgers import scan

from ich_resources.demo.study import write_series
from ich_resources.dicom.reading import DEFAULT_READING, ReadingOptions, read_series
from ich_resources.dicom.series_values import SeriesValues, ValuesVerdict
from ich_resources.preprocessing import window_to_uint8
from ich_resources.series import SeriesRecord
from ich_resources.series_images import HuSlice

Change = Callable[[np.ndarray], np.ndarray]


def head(folder: Path, *, slices: int = 5, size: int = 128) -> Path:
    """Write the phantom; return its folder."""
    write_series(folder, name="head", slices=slices, bleed=True, size=size)
    return folder


def rewrite(
    folder: Path,
    change: Change = lambda hu: hu,
    *,
    signed: bool = True,
    intercept: float | None = -1024,
    slope: float = 1,
    bits: int = 16,
    names: tuple[str, ...] = (),
    **values: Any,
) -> Path:
    """Store changed HU again, all slices or some, in a header that fits; set more elements.

    ``intercept`` None: no rescale in the header, and the stored values are ``change(hu)``.
    """
    for path in sorted(folder.iterdir()):
        if names and path.name not in names:
            continue
        ds = pydicom.dcmread(path)
        hu = change(ds.pixel_array.astype(float) - 1024)
        stored = np.rint((hu - (intercept or 0)) / slope).astype(np.int64)
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)
        ds.PixelData = (stored % 2**16).astype("<u2").tobytes()
        del ds.RescaleIntercept, ds.RescaleSlope
        if intercept is not None:
            ds.RescaleIntercept, ds.RescaleSlope = intercept, slope
        for keyword, value in values.items():
            if value is None:
                del ds[keyword]
            else:
                setattr(ds, keyword, value)
        ds.save_as(path)
    return folder


@dataclass(frozen=True)
class Judged:
    """What came of a folder with one series."""

    series: SeriesRecord
    items: list[HuSlice]
    images: list[np.ndarray]
    verdict: ValuesVerdict

    @property
    def codes(self) -> set[str]:
        """Codes of all slices and remarks, before and after decoding."""
        found = {str(s.judgement.code) for s in self.series.slices if s.judgement}
        found |= {str(remark.code) for remark in (*self.series.remarks, *self.verdict.remarks)}
        return found | {str(judgement.code) for judgement in self.verdict.failed.values()}

    @property
    def reason(self) -> str:
        """The sentence of the first slice that failed for its pixels."""
        return next(iter(self.verdict.failed.values())).reason


def judge(folder: Path, options: ReadingOptions = DEFAULT_READING) -> Judged:
    """Scan a folder with one series and look at its pixels, as ``processed_series`` does."""
    (series,) = scan(folder, window=options.window).series
    values, items, images = SeriesValues(), [], []
    for item in read_series(series, folder, options=options):
        assert isinstance(item, HuSlice), item.judgement
        items.append(item)
        images.append(window_to_uint8(item.hu, *item.window))
        values.add(item, images[-1])
    return Judged(series, items, images, values.judge())
