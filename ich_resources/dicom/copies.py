"""Files that hold the same instance: copies count once, and contradicting ones fail."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ich_resources.dicom.header import Header
from ich_resources.dicom.reading import read_slice
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Remark, SliceRecord
from ich_resources.uids import slice_stem

Instance = tuple[SliceRecord, Header]

_FOR_PEOPLE = {"description", "study_description", "protocol", "manufacturer", "model"}
_COMPARED = [f.name for f in fields(Header) if f.name not in _FOR_PEOPLE]
"""Header values that are equal in two files of one image: all but descriptions and the scanner."""


class Unique(NamedTuple):
    """Instances without copies.

    Attributes
    ----------
    instances : list of (SliceRecord, Header)
        One for each image, and each that contradicts another.
    merged : set of str
        Paths of those with a copy that has other bytes and the same image.
    """

    instances: list[Instance]
    merged: set[str]


def without_copies(instances: Sequence[Instance], input_dir: Path) -> Unique:
    """Merge files of the same image; fail files that contradict each other.

    Files with the same bytes are copies. Files with one SOPInstanceUID are copies as well if their
    pixels and all values that scoring reads are equal, whatever names and descriptions say. Other
    files with one SOPInstanceUID, and files of two SOPInstanceUIDs that would give one image file
    the same name, fail with the code DUPLICATE_UID.

    Parameters
    ----------
    instances : sequence of (SliceRecord, Header)
        All files of all series.
    input_dir : Path
        Folder to which the paths are relative. Files with one SOPInstanceUID and equal values are
        read from it, and their pixels are compared.
    """
    unique: dict[tuple[str, str], Instance] = {}
    for record, header in instances:
        key = (record.sop_instance_uid, record.digest)
        if key in unique:
            first, first_header = unique[key]
            unique[key] = (_with_copies(first, [record]), first_header)
        else:
            unique[key] = (record, header)
    # Only admitted files conflict: a truncated copy fails anyway, a localizer is refused anyway.
    by_uid: dict[str, list[Instance]] = {}
    for record, header in unique.values():
        if record.judgement is None:
            by_uid.setdefault(record.sop_instance_uid, []).append((record, header))
    changed: dict[str, SliceRecord | None] = {}
    merged: set[str] = set()
    for group in by_uid.values():
        if len(group) < 2:
            continue
        # Chosen by content, so that names and the order on disk have no influence.
        kept, *others = sorted(group, key=lambda item: item[0].digest)
        if all(_same_image(kept, other, input_dir) for other in others):
            changed |= dict.fromkeys(record.path for record, _ in others)
            changed[kept[0].path] = _with_copies(kept[0], [record for record, _ in others])
            merged.add(kept[0].path)
        else:
            changed |= _conflicting([record for record, _ in group])
    changed |= _same_names(by_uid)
    left = ((changed.get(r.path, r), h) for r, h in unique.values())
    return Unique([(record, header) for record, header in left if record is not None], merged)


def sent_again(merged: Sequence[SliceRecord]) -> Remark | None:
    """Return the remark on a series with merged files, None if there are none.

    Parameters
    ----------
    merged : sequence of SliceRecord
        The slices of one series that have a copy with other bytes.
    """
    if not merged:
        return None
    text = f"{len(merged)} instances are there twice with equal images; each counts once"
    return Remark(Reason.SENT_AGAIN, text)


def _with_copies(record: SliceRecord, others: Iterable[SliceRecord]) -> SliceRecord:
    paths = [path for other in others for path in (other.path, *other.copies)]
    return replace(record, copies=(*record.copies, *paths))


def _conflicting(records: list[SliceRecord]) -> dict[str, SliceRecord | None]:
    failed: dict[str, SliceRecord | None] = {}
    for record in records:
        other = next(r.path for r in records if r.path != record.path)
        reason = f"the same SOPInstanceUID with other content: {record.path} and {other}"
        failed[record.path] = _failed(record, reason)
    return failed


def _same_names(by_uid: dict[str, list[Instance]]) -> dict[str, SliceRecord | None]:
    """Fail the files of identifiers that give one stem: ``1.2`` and ``ID_1.2``."""
    failed: dict[str, SliceRecord | None] = {}
    for uid, group in by_uid.items():
        stem = slice_stem(uid)
        if stem == uid or stem not in by_uid:
            continue
        for one, other in ((group, by_uid[stem]), (by_uid[stem], group)):
            for record, _ in one:
                text = f"two SOPInstanceUIDs give the file name {stem}: {record.path} and "
                failed[record.path] = _failed(record, text + other[0][0].path)
    return failed


def _failed(record: SliceRecord, reason: str) -> SliceRecord:
    return replace(record, judgement=Judgement("failed", Reason.DUPLICATE_UID, reason))


def _same_image(first: Instance, second: Instance, input_dir: Path) -> bool:
    """Return whether two files give the same image, in the same place of the same series."""
    if any(getattr(first[1], name) != getattr(second[1], name) for name in _COMPARED):
        return False
    try:  # decoded, since two encodings may hold the same pixels
        return np.array_equal(
            read_slice(first[0], input_dir).hu, read_slice(second[0], input_dir).hu
        )
    except DicomError:
        return False
