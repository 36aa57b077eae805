"""What the records of a data set hold; see ``schemas``. No record names a file or a patient."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ich_resources.steps import DATASET_IMAGES, FOLD_LIST, LABELLED_SLICES, SOURCE
from ich_resources.storage.content import Content, Rows, Schema, Text
from ich_resources.storage.layout import Layout
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.subjects import Subject

TRANSIENT = ("UNREADABLE", "CHANGED")
"""Codes of failures that may pass: such a series is read again in the next run."""


class ImageSlice(Schema):
    """A slice with an image.

    Attributes
    ----------
    sop_instance_uid : str
        Its SOPInstanceUID.
    position : float or None
        Along the slice normal, in mm.
    sha256 : str
        Of the PNG.
    """

    sop_instance_uid: Text
    position: float | None
    sha256: Text


class UnusedSlice(Schema):
    """A slice whose pixels could not be used: reason code and sentence."""

    sop_instance_uid: Text
    code: Text
    reason: Text


class DatasetImagesContent(Content):
    """The record of ``dataset_images``: the images of one series.

    Attributes
    ----------
    series_version : str
        ``SeriesRecord.version`` of the files.
    slices : tuple of ImageSlice
        In series order.
    failed : tuple of UnusedSlice
        Slices without an image.
    mended_12bit : int
        Slices whose values were wrapped to 12 bits, and were mended.
    """

    feeds_tables: ClassVar[bool] = False

    series_version: Text
    slices: Rows[ImageSlice]
    failed: Rows[UnusedSlice]
    mended_12bit: int = 0

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (TrainingLayout(layout.run_root).images(subject.parts[-1]),)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        return path.parent == cls.folders(layout, subject)[0] and path.suffix == ".png"

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        ours, uid = TrainingLayout(layout.run_root), subject.parts[-1]
        return [ours.image(uid, item.sop_instance_uid) for item in self.slices]

    @property
    def worth_repeating(self) -> bool:
        """Whether a slice may be read the next time."""
        return any(item.code in TRANSIENT for item in self.failed)

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.series_version == versions[SOURCE]


class LabelledSlicesContent(Content):
    """The record of ``labelled_slices``.

    Attributes
    ----------
    slices, labelled, series, studies, patients : int
        Slices with an image, those of them with labels, and what they belong to.
    patient_key : str
        ``file``, ``hash`` or ``study``: what the patients come from.
    by_study : int
        Studies without a known patient: each stands for a patient of its own.
    labels, duplicates, ties : int
        Labelled images of the file, rows that repeat another, labels left out for a tie.
    without_slice, without_label, not_used : int
        Labels without a slice, slices without labels, labels of slices that are not used.
    unmatched_share, max_unmatched : float
        The larger share of the first two, and what is allowed.
    positives : dict of str to int
        Positive slices of each class.
    any_contradicted : int
        Slices whose ``any`` contradicts their subtypes.
    wrapped_12bit, mended_12bit : int
        Slices with values wrapped to 12 bits: not used, and mended.
    test_slices : int
        Slices of the test set.
    images : str
        Data version of the images.
    """

    slices: int
    labelled: int
    series: int
    studies: int
    patients: int
    patient_key: Text
    by_study: int
    labels: int
    duplicates: int
    ties: int
    without_slice: int
    without_label: int
    not_used: int
    unmatched_share: float
    max_unmatched: float
    positives: dict[Text, int]
    any_contradicted: int
    wrapped_12bit: int
    mended_12bit: int
    test_slices: int
    images: Text

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (TrainingLayout(layout.run_root).dataset,)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        tables = (ours.slices, ours.test_slices)
        digests = tuple(table.with_suffix(".sha256") for table in tables)
        return path in (*tables, *digests, ours.unmatched, ours.not_used)

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        return [ours.slices, ours.slices.with_suffix(".sha256"), ours.unmatched, ours.not_used]

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.images == versions[DATASET_IMAGES]


class FoldsContent(Content):
    """The record of ``folds``.

    Attributes
    ----------
    slices : str
        Data version of the labelled slices.
    source : str
        ``stratified`` or ``lists``.
    patients : tuple of int
        Patients of each fold.
    in_several : int
        Patients that stand in more than one fold.
    positives : dict of str to tuple of int
        Positive slices of each class in each fold.
    """

    slices: Text
    source: Text
    patients: Rows[int]
    in_several: int
    positives: dict[Text, Rows[int]]

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (TrainingLayout(layout.run_root).dataset,)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        return path == TrainingLayout(layout.run_root).folds

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return [TrainingLayout(layout.run_root).folds]

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.slices == versions[LABELLED_SLICES]


DATASET_SCHEMAS: Mapping[str, type[Content]] = {
    DATASET_IMAGES: DatasetImagesContent,
    LABELLED_SLICES: LabelledSlicesContent,
    FOLD_LIST: FoldsContent,
}
"""The schema of each step of a data set, by ``Step.code``."""
