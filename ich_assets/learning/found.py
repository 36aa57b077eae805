"""The slices of a data set as the scan and the images give them, before labels are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from ich_assets.learning.images import Images
from ich_resources.dataset.matching import NotUsed
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import LabelledSlices
from ich_resources.series import Ledger, SeriesRecord
from ich_resources.storage.slice_tables import csv_bytes
from ich_resources.storage.training_layout import TrainingLayout

NOT_USED_COLUMNS = ("series", "slice", "file", "code", "reason")
"""Columns of ``not_used.csv``. The name of a file is given only if its slice is not known."""


@dataclass(frozen=True)
class Found:
    """What was found below the folders.

    Attributes
    ----------
    ledger : Ledger
        Every series and file, judged.
    images : dict of str to Record
        The record of the images of each series with an admitted slice.
    """

    ledger: Ledger
    images: Images

    @property
    def used(self) -> list[SeriesRecord]:
        """The series with at least one image, sorted by SeriesInstanceUID."""
        return [
            series
            for series in self.ledger.series
            if series.series_instance_uid in self.images
            and self.images[series.series_instance_uid].content.slices
        ]

    def names(self) -> list[str]:
        """Return the SOPInstanceUIDs of the slices with an image, in the order of the table."""
        return [
            item.sop_instance_uid
            for series in self.used
            for item in self.images[series.series_instance_uid].content.slices
        ]

    def table(
        self,
        layout: TrainingLayout,
        key_of: Mapping[str, str],
        labels: npt.NDArray[np.float32] | None,
    ) -> LabelledSlices:
        """Return the table of slices.

        Parameters
        ----------
        layout : TrainingLayout
            Paths below the training root.
        key_of : mapping of str to str
            Patient key by StudyInstanceUID.
        labels : float32 array, shape (n, 6), or None
            In the order of ``names``; None for a test set.
        """
        rows = [
            (series, index, item)
            for series in self.used
            for index, item in enumerate(self.images[series.series_instance_uid].content.slices)
        ]
        positions = [np.nan if item.position is None else item.position for _, _, item in rows]
        if labels is None:
            labels = np.full((len(rows), len(CLASSES)), np.nan, np.float32)
        return LabelledSlices(
            slices=tuple(item.sop_instance_uid for _, _, item in rows),
            series=tuple(series.series_instance_uid for series, _, _ in rows),
            studies=tuple(series.study_instance_uid for series, _, _ in rows),
            patients=tuple(key_of[series.study_instance_uid] for series, _, _ in rows),
            indices=np.array([index for _, index, _ in rows], np.int64),
            positions=np.array(positions, np.float64),
            labels=labels,
            images=tuple(
                layout.image(series.series_instance_uid, item.sop_instance_uid)
                for series, _, item in rows
            ),
            version="",
        )

    def digests(self) -> list[str]:
        """Return the SHA-256 of each image, in the order of ``names``."""
        return [
            item.sha256
            for series in self.used
            for item in self.images[series.series_instance_uid].content.slices
        ]

    def not_used(self) -> dict[str, NotUsed]:
        """Return why slices have no image, by SOPInstanceUID or by the stem of the file."""
        return {row["slice"] or PurePosixPath(row["file"]).stem: _why(row) for row in self._rows()}

    def not_used_bytes(self) -> bytes:
        """Return ``not_used.csv``."""
        return csv_bytes(pd.DataFrame(self._rows(), columns=list(NOT_USED_COLUMNS)))

    def _rows(self) -> list[dict[str, str]]:
        rows = []
        for series in self.ledger.series:
            uid = series.series_instance_uid
            rows += [
                _row(uid, s.sop_instance_uid, "", str(s.judgement.code), s.judgement.reason)
                for s in series.slices
                if s.judgement is not None
            ]
            failed = self.images[uid].content.failed if uid in self.images else ()
            rows += [_row(uid, i.sop_instance_uid, "", i.code, i.reason) for i in failed]
        for file in self.ledger.unassigned:
            name = PurePosixPath(file.path).name  # folders may be named after patients
            rows.append(_row("", "", name, str(file.judgement.code), file.judgement.reason))
        return rows

    def wrapped(self) -> int:
        """Return how many slices are not used because their values were wrapped to 12 bits."""
        return sum("mend_12bit" in why.reason for why in self.not_used().values())

    def mended(self) -> int:
        """Return how many slices were mended of that."""
        return sum(record.content.mended_12bit for record in self.images.values())


def _row(series: str, name: str, file: str, code: str, reason: str) -> dict[str, str]:
    values: Sequence[str] = (series, name, file, code, reason)
    return dict(zip(NOT_USED_COLUMNS, values, strict=True))


def _why(row: Mapping[str, str]) -> NotUsed:
    return NotUsed(row["code"], row["reason"])
