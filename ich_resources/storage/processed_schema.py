"""The record of ``processed_series``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Strict

from ich_resources.steps import SOURCE
from ich_resources.storage.content import Content, Rows, Schema, Text
from ich_resources.storage.layout import Layout
from ich_resources.subjects import Subject


class ProcessedSlice(Schema):
    """A slice whose pixels were decoded.

    Attributes
    ----------
    position, position_z : float or None
        Along the slice normal, and along z, in mm.
    window : (float, float)
        Center and width in HU.
    """

    sop_instance_uid: Text
    path: Text
    position: float | None
    position_z: float | None
    window: Annotated[tuple[float, float], Strict(False)]


class FailedSlice(Schema):
    """A slice whose pixels could not be decoded: reason code and sentence."""

    path: Text
    sop_instance_uid: Text
    code: Text
    reason: Text


class PixelRemark(Schema):
    """A remark on a series that its pixels gave: reason code and sentence."""

    code: Text
    reason: Text


class ProcessedContent(Content):
    """The record of ``processed_series``.

    Attributes
    ----------
    series_version : str
        ``SeriesRecord.version`` of the files.
    slices : tuple of ProcessedSlice
        In the order of the array.
    failed : tuple of FailedSlice
        Slices that are missing from the array.
    remarks : tuple of PixelRemark
        What the pixels say about the series. Records of format 1 have none.
    """

    format: ClassVar[int] = 2
    feeds_tables: ClassVar[bool] = False

    series_version: Text
    slices: Rows[ProcessedSlice]
    failed: Rows[FailedSlice]
    remarks: Rows[PixelRemark] = ()

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (layout.slice_png("x").parent,)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        return path.parent == layout.slice_png("x").parent and path.suffix == ".png"

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        images = [layout.slice_png(item.sop_instance_uid) for item in self.slices]
        return [layout.array(subject, step), *images]

    @property
    def worth_repeating(self) -> bool:
        """A slice that failed may decode the next time."""
        return bool(self.failed)

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.series_version == versions[SOURCE]
