"""labelled_slices: what networks are trained on, image by image, with labels and patients."""

import time
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from ich_assets.learning.found import Found
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.sources import Sources, read_sources
from ich_resources.dataset.matching import Matched, match, unmatched_bytes
from ich_resources.dataset.resource import DatasetResource
from ich_resources.dataset.table import digests_bytes, digests_path, slices_bytes, table_version
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import LabelledSlices, Labels
from ich_resources.steps import CODE_VERSIONS, FOLD_LIST, LABELLED_SLICES
from ich_resources.storage.dataset_schemas import LabelledSlicesContent
from ich_resources.storage.files import remove, sweep, write_bytes
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.subjects import training_subject

_WHOLE = training_subject()
_WRITTEN = ("state", "dataset")
"""Folders below TRAIN_ROOT that the step writes into."""


@dg.asset(
    name=LABELLED_SLICES,
    group_name="learning",
    kinds={"dicom", "csv"},
    code_version=CODE_VERSIONS[LABELLED_SLICES],
)
def labelled_slices(
    context: dg.AssetExecutionContext,
    dataset: DatasetResource,
    dicom: DicomResource,
    train_root: TrainRootResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Scan the folders, make an image of each slice, and bring labels and slices together.

    Every slice of a series that can be used has a row, in the order of the slice normal. Labels
    without a slice, and slices without labels, are counted and listed. PatientID is read for the
    folds alone, and only its keyed hash is kept.
    """
    started = time.perf_counter()
    # Without retries: each would scan again, which takes hours on a large data set.
    with naming_train_root(), train_root.records.working_on(_WHOLE, LABELLED_SLICES):
        for name in _WRITTEN:  # what a kill has left
            sweep(train_root.layout.train_root / name)
        read = read_sources(context, dataset, dicom, train_root)
        matched = match(read.labels, read.found.names(), read.found.not_used())
        slices = read.found.table(train_root.layout, read.key_of, matched.values)
        record = _write(read, matched, slices, dataset, train_root, started)
    content = record.content
    context.log.info(
        f"Slices: {content.slices}, {content.labelled} of them labelled, of {content.series} series"
        f" and {content.patients} patients; labels without a slice: {content.without_slice}; slices"
        f" without labels: {content.without_label}; labels of slices that are not used: "
        f"{content.not_used}"
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version), metadata=_metadata(content, train_root)
    )


def _write(
    read: Sources,
    matched: Matched,
    slices: LabelledSlices,
    dataset: DatasetResource,
    train_root: TrainRootResource,
    started: float,
) -> Record[LabelledSlicesContent]:
    """Write the tables, and then the record. Folds of other slices are withdrawn first."""
    layout, records = train_root.layout, train_root.records
    table = slices_bytes(slices, layout.train_root)
    digests = digests_bytes(slices, layout.train_root, read.found.digests())
    version = table_version(table, digests)
    earlier = records.find_as(_WHOLE, LABELLED_SLICES, LabelledSlicesContent)
    if earlier is None or earlier.data_version != version:
        records.begin(_WHOLE, FOLD_LIST)
        remove([layout.folds])
    records.begin(_WHOLE, LABELLED_SLICES)
    written = {
        digests_path(layout.slices): digests,
        layout.slices: table,
        layout.unmatched: unmatched_bytes(matched.unmatched),
        layout.not_used: read.found.not_used_bytes(),
    }
    written |= _test_files(read.test, train_root)
    for path, content in written.items():
        write_bytes(path, content, durable=True)
    facts = _content(read, matched, slices, dataset, started)
    inputs = {
        "code": CODE_VERSIONS[LABELLED_SLICES],
        "images": facts.images,
        "labels": fingerprint(
            {"ids": read.labels.ids, "values": np.nan_to_num(read.labels.values, nan=2).tolist()}
        ),
        "patients": dataset.patient_source,
    }
    record = Record(fingerprint(inputs), version, tuple(map(layout.steps.relative, written)), facts)
    records.finish(_WHOLE, LABELLED_SLICES, record)
    return record


def _test_files(test: Found | None, train_root: TrainRootResource) -> dict[Path, bytes]:
    """Return the files of the test set. Its patients are not read: each study stands for one."""
    if test is None:
        return {}
    layout = train_root.layout
    key_of = {s.study_instance_uid: s.study_instance_uid for s in test.used}
    slices = test.table(layout, key_of, None)
    digests = digests_bytes(slices, layout.train_root, test.digests())
    return {
        digests_path(layout.test_slices): digests,
        layout.test_slices: slices_bytes(slices, layout.train_root),
    }


def _content(
    read: Sources,
    matched: Matched,
    slices: LabelledSlices,
    dataset: DatasetResource,
    started: float,
) -> LabelledSlicesContent:
    known = Labels("slice", slices.slices, slices.labels)
    contradicted = {*known.any_below_subtype(), *known.any_without_subtype()}
    images = [[uid, record.data_version] for uid, record in sorted(read.found.images.items())]
    return LabelledSlicesContent(
        slices=len(slices.slices),
        labelled=int(slices.labelled.sum()),
        series=len(set(slices.series)),
        studies=len(set(slices.studies)),
        patients=len(set(slices.patients)),
        patient_key=dataset.patient_source,
        by_study=read.by_study,
        labels=matched.labels,
        duplicates=read.labels.duplicates,
        ties=len(read.labels.ties),
        without_slice=matched.count("label without slice"),
        without_label=matched.count("slice without label"),
        not_used=matched.count("label of a slice that is not used"),
        unmatched_share=matched.share,
        max_unmatched=dataset.max_unmatched,
        positives={n: int((slices.labels[:, c] == 1).sum()) for c, n in enumerate(CLASSES)},
        any_contradicted=len(contradicted),
        wrapped_12bit=read.found.wrapped(),
        mended_12bit=read.found.mended(),
        test_slices=len(read.test.names()) if read.test is not None else 0,
        images=fingerprint({"images": images}),
        seconds=round(time.perf_counter() - started, 3),
    )


def _metadata(content: LabelledSlicesContent, train_root: TrainRootResource) -> dict[str, Any]:
    shown = content.model_dump(exclude={"positives", "images"})
    return {
        "slices.csv": dg.MetadataValue.path(str(train_root.layout.slices)),
        "unmatched.csv": dg.MetadataValue.path(str(train_root.layout.unmatched)),
        "not_used.csv": dg.MetadataValue.path(str(train_root.layout.not_used)),
        **shown,
        **{f"positive_{name}": number for name, number in content.positives.items()},
    }
