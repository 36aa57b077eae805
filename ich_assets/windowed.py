"""The slices of one series: windowed, written as images, and judged as a whole."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ich_resources.dicom.series_values import SeriesValues
from ich_resources.preprocessing import centre_crop, window_to_uint8
from ich_resources.series import Remark, SliceRecord
from ich_resources.series_images import HuSlice
from ich_resources.storage.arrays import write_png
from ich_resources.storage.processed_schema import FailedSlice, ProcessedSlice

Crop = npt.NDArray[np.uint8]
"""One slice as the networks see it, shape (512, 512)."""


class DecodedSeries(NamedTuple):
    """The slices of a series, and what its pixels say."""

    slices: list[ProcessedSlice]
    failed: list[FailedSlice]
    crops: list[Crop]
    remarks: tuple[Remark, ...]


def windowed_series(
    items: Iterable[HuSlice | SliceRecord], image_of: Callable[[str], Path], *, with_crops: bool
) -> DecodedSeries:
    """Write the PNG of each slice that can be used, and judge the values of the whole series.

    Parameters
    ----------
    items : iterable of HuSlice or SliceRecord
        The admitted slices in series order; a record where its pixels cannot be read.
    image_of : callable
        Path of the PNG of a slice, by its SOPInstanceUID.
    with_crops : bool
        Whether the 512 crops are wanted.

    Returns
    -------
    DecodedSeries
        Every slice is in ``slices`` or in ``failed``. If the values of the series are not HU, all
        are in ``failed``; their images are then left for the caller to remove.

    Raises
    ------
    StorageError
        If an image cannot be written.
    """
    read: list[tuple[SliceRecord, ProcessedSlice, Crop | None]] = []
    failed, blank, values = [], {}, SeriesValues()
    for item in items:
        if isinstance(item, SliceRecord):
            failed.append(failed_slice(item))
            continue
        image = window_to_uint8(item.hu, *item.window)
        if values.add(item, image):
            write_png(image_of(item.record.sop_instance_uid), image)
        else:
            blank[len(read)] = image  # whether it fails is known after the last slice
        read.append((item.record, _processed(item), centre_crop(image) if with_crops else None))
    verdict = values.judge()
    for number, (record, _, _) in enumerate(read):
        if number in verdict.failed:
            failed.append(failed_slice(replace(record, judgement=verdict.failed[number])))
        elif number in blank:
            write_png(image_of(record.sop_instance_uid), blank[number])
    kept = [entry for number, entry in enumerate(read) if number not in verdict.failed]
    crops = [crop for _, _, crop in kept if crop is not None]
    return DecodedSeries([entry[1] for entry in kept], failed, crops, verdict.remarks)


def _processed(item: HuSlice) -> ProcessedSlice:
    return ProcessedSlice(
        sop_instance_uid=item.record.sop_instance_uid,
        path=item.record.path,
        position=item.record.position,
        position_z=item.record.position_z,
        window=item.window,
    )


def failed_slice(record: SliceRecord) -> FailedSlice:
    """Return a slice that has failed as a record lists it."""
    assert record.judgement is not None
    return FailedSlice(
        path=record.path,
        sop_instance_uid=record.sop_instance_uid,
        code=str(record.judgement.code),
        reason=record.judgement.reason,
    )
