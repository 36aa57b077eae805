"""dataset_images: an image of each slice of a data set, series by series, in processes.

At the size of the RSNA 2019 data a run of Dagster for each series would be too much, so one step
makes all of them. Each series has a record, so that a run which was cut short goes on from there.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed

from ich_assets.learning.decoder import DECODERS, decode_in_child
from ich_resources.children import asking_threads
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.series import SeriesRecord
from ich_resources.steps import CODE_VERSIONS, DATASET_IMAGES
from ich_resources.storage.dataset_schemas import DatasetImagesContent, ImageSlice, UnusedSlice
from ich_resources.storage.files import remove
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.training_layout import images_subject

SAY_EVERY_S = 10.0
"""Seconds between two lines on the progress."""
Images = dict[str, Record[DatasetImagesContent]]
"""The record of the images of each series, by SeriesInstanceUID."""


def images_digest(series_version: str, dicom: DicomResource) -> str:
    """Return the inputs digest of the images of a series.

    Parameters
    ----------
    series_version : str
        ``SeriesRecord.version``.
    dicom : DicomResource
        Its window and its mending count.

    Raises
    ------
    IchError
        If an option has a wrong value.
    """
    code = CODE_VERSIONS[DATASET_IMAGES]
    return fingerprint({"code": code, "series": series_version, "options": dicom.changed_values})


def make_images(
    series: Sequence[SeriesRecord],
    dicom: DicomResource,
    train_root: TrainRootResource,
    processes: int,
    say: Callable[[str], None],
) -> Images:
    """Make the images of every series that has none for its current files and options.

    Parameters
    ----------
    series : sequence of SeriesRecord
        Those with an admitted slice.
    dicom : DicomResource
        Window and mending.
    train_root : TrainRootResource
        Below it the images go.
    processes : int
        Number of processes that decode.
    say : callable
        Gets lines on the progress.

    Raises
    ------
    IchError
        If an option has a wrong value.
    StorageError
        If a file cannot be written. Finished images stay.
    """
    found: Images = {}
    todo = []
    for item in series:
        record = _current(item, dicom, train_root)
        if record is None:
            todo.append(item)
        else:
            found[item.series_instance_uid] = record
    if found:
        say(f"Series whose images are there already: {len(found)}")
    began = said = time.monotonic()
    with asking_threads(DECODERS, processes) as pool:
        futures: list[Future[tuple[str, Record[DatasetImagesContent]]]] = [
            pool.submit(_make, item, dicom, train_root) for item in todo
        ]
        for number, future in enumerate(as_completed(futures), 1):
            uid, record = future.result()
            found[uid] = record
            now = time.monotonic()
            if now - said >= SAY_EVERY_S or number == len(todo):
                left = (now - began) / number * (len(todo) - number)
                say(f"[{number}/{len(todo)}] series decoded" + _left(left))
                said = now
    return found


def _left(seconds: float) -> str:
    return f"  (about {seconds / 60:.0f} min left)" if seconds > 60 else ""


def _current(
    series: SeriesRecord, dicom: DicomResource, train_root: TrainRootResource
) -> Record[DatasetImagesContent] | None:
    """Return the record of the images of a series if it holds."""
    subject = images_subject(series.series_instance_uid)
    record = train_root.records.find_as(subject, DATASET_IMAGES, DatasetImagesContent)
    if record is None or record.content.worth_repeating:
        return None
    return record if record.inputs_digest == images_digest(series.version, dicom) else None


def _make(
    series: SeriesRecord, dicom: DicomResource, train_root: TrainRootResource
) -> tuple[str, Record[DatasetImagesContent]]:
    """Make the images of one series, and then their record."""
    began, uid = time.monotonic(), series.series_instance_uid
    layout, records, subject = train_root.layout, train_root.records, images_subject(uid)
    admitted = [s.sop_instance_uid for s in series.slices if s.judgement is None]
    named = [layout.steps.relative(layout.image(uid, name)) for name in admitted]
    earlier = records.begin(subject, DATASET_IMAGES, named)
    options = {
        "window": dicom.window,
        "mend_12bit": dicom.mend_12bit,
        "mend_signed": dicom.mend_signed,
    }
    made = decode_in_child(series, layout.train_root, options)
    content = DatasetImagesContent(
        series_version=series.version,
        slices=tuple(ImageSlice(**item) for item in made["slices"]),
        failed=tuple(UnusedSlice(**item) for item in made["failed"]),
        mended_12bit=made["mended_12bit"],
        seconds=round(time.monotonic() - began, 3),
    )
    files = tuple(map(layout.steps.relative, content.needed(layout.steps, subject, DATASET_IMAGES)))
    left = earlier.union(named).difference(files)
    remove(layout.train_root / name for name in left)
    version = fingerprint({"images": [[i.sop_instance_uid, i.sha256] for i in content.slices]})
    record = Record(images_digest(series.version, dicom), version, files, content)
    records.finish(subject, DATASET_IMAGES, record)
    return uid, record
