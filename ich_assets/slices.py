"""The slices of one series: read, windowed, judged, compared with those of an earlier run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ich_assets.step_files import load_images
from ich_assets.windowed import DecodedSeries, windowed_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.errors import DicomError, StorageError
from ich_resources.series import SeriesRecord
from ich_resources.storage.files import remove
from ich_resources.storage.ledger import admitted_elsewhere
from ich_resources.storage.processed_schema import FailedSlice, ProcessedContent, ProcessedSlice
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource


def decode_series(
    series: SeriesRecord, dicom: DicomResource, storage: StorageResource
) -> DecodedSeries:
    """Write the PNG of each slice that can be scored, and judge the values of the whole series.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    dicom : DicomResource
        Window and mending.
    storage : StorageResource
        The run root.

    Returns
    -------
    DecodedSeries
        Every admitted slice is in ``slices`` or in ``failed``. If the values of the series are not
        HU, all are in ``failed``, and no image is left.

    Raises
    ------
    StorageError
        If an image cannot be written.
    """

    def image_of(sop_instance_uid: str) -> Path:
        return storage.layout.slice_png(sop_instance_uid)

    decoded = windowed_series(dicom.read(series), image_of, with_crops=True)
    if not decoded.slices:
        names = image_files(storage, [item.sop_instance_uid for item in decoded.failed])
        remove_images(storage, series.series_instance_uid, frozenset(names))
    return decoded


def image_files(storage: StorageResource, sop_instance_uids: Iterable[str]) -> list[str]:
    """Return the PNG file of each slice as a record lists it."""
    paths = map(storage.layout.slice_png, sop_instance_uids)
    return [storage.records.relative(path) for path in paths]


def remove_images(storage: StorageResource, uid: str, gone: frozenset[str]) -> None:
    """Remove images of a series, but not those of slices that moved to another series.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.
    gone : frozenset of str
        The files, relative to the run root.
    """
    if gone:
        elsewhere = image_files(storage, admitted_elsewhere(storage.layout, uid))
        remove(storage.layout.run_root / name for name in gone.difference(elsewhere))


@dataclass(frozen=True)
class EarlierResult:
    """The result of an earlier run, with its crops: uint8, shape (N, 512, 512)."""

    record: Record[ProcessedContent]
    crops: npt.NDArray[np.uint8]

    @classmethod
    def find(cls, storage: StorageResource, uid: str) -> "EarlierResult | None":
        """Return the valid result of a series, or None.

        Raises
        ------
        FormatError
            If a newer version of ich wrote the record.
        """
        try:
            record, images = load_images(storage, uid)
        except (DicomError, StorageError):
            return None
        return cls(record, images.crops)

    def version_if_equal(
        self,
        slices: Sequence[ProcessedSlice],
        failed: Sequence[FailedSlice],
        crops: npt.NDArray[np.uint8],
    ) -> str:
        """Return the data version if images and order are the same, else an empty text.

        Then no later step runs again, although the code or an option has changed.

        Parameters
        ----------
        slices, failed : sequence
            The slices of the new result.
        crops : uint8 array, shape (N, 512, 512)
            Its crops.
        """
        content = self.record.content
        same = _uids(content.slices) == _uids(slices) and _uids(content.failed) == _uids(failed)
        return self.record.data_version if same and np.array_equal(self.crops, crops) else ""


def _uids(items: Sequence[ProcessedSlice | FailedSlice]) -> list[str]:
    return [item.sop_instance_uid for item in items]
