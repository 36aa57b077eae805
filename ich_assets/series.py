"""processed_series: the DICOM files of a series to windowed slices and shared 512 crops."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import dagster as dg
import numpy as np
import numpy.typing as npt

from ich_assets.inputs_digests import processed_digest
from ich_assets.metadata import SHOWN, inline_picture, materialized
from ich_assets.partitions import SERIES, series_of
from ich_assets.runtime.retries import retrying_transient_errors
from ich_assets.slices import EarlierResult, decode_series, image_files, remove_images
from ich_assets.step_results import finished_meanwhile
from ich_assets.windowed import failed_slice
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.errors import DicomError
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.plain_text import one_line
from ich_resources.series import SeriesRecord
from ich_resources.steps import BY_NAME, CODE_VERSIONS, PROCESSED
from ich_resources.storage.arrays import write_array
from ich_resources.storage.failures import CHECKS
from ich_resources.storage.ledger import find_series
from ich_resources.storage.processed_schema import (
    FailedSlice,
    PixelRemark,
    ProcessedContent,
    ProcessedSlice,
)
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


@dg.asset(
    name=PROCESSED,
    group_name="series",
    partitions_def=SERIES,
    deps=list(BY_NAME[PROCESSED].needs),
    kinds={"dicom", "opencv"},
    code_version=CODE_VERSIONS[PROCESSED],
)
def processed_series(
    context: dg.AssetExecutionContext,
    dicom: DicomResource,
    networks: NetworksResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Decode each slice once, apply its window, and keep the 512 crop that all networks share.

    HU = stored value x slope + intercept; the window of the header; 8 bit; order along the slice
    normal. A slice that cannot be decoded is listed with its reason, never dropped. If the values
    of the series cannot be HU, all its slices fail.
    """
    uid = series_of(context)
    subject = series_subject(uid)
    with retrying_transient_errors(context), storage.records.working_on(subject, PROCESSED):
        series = _series_to_score(storage, uid)
        digest = processed_digest(series.version, dicom)
        taken = finished_meanwhile(context, storage, PROCESSED, digest)
        if taken is not None:
            return taken
        if _networks_follow(context):
            networks.begin_to_load()  # this series will need them
        processed = _process(series, dicom, storage)
    metadata = _metadata(series, processed, panels, storage)
    return materialized(context, processed.record.data_version, metadata)


class _Processed(NamedTuple):
    """The record of a processed series, and its crops: uint8, shape (512, 512) each."""

    record: Record[ProcessedContent]
    crops: list[npt.NDArray[np.uint8]]


def _networks_follow(context: dg.AssetExecutionContext) -> bool:
    """Return whether a later step of this run needs networks, which then load meanwhile."""
    selected = context.run.asset_selection
    if selected is None:
        return True
    names = {key.to_user_string() for key in selected}
    return any(step.runs_networks and step.backbone for step in map(BY_NAME.get, names) if step)


def _series_to_score(storage: StorageResource, uid: str) -> SeriesRecord:
    series = find_series(storage.layout, uid)
    if not series.to_be_scored:
        raise DicomError(
            f"the series is refused ({series.codes}): {series.sentence}",
            series=uid,
            remedy="set dicom.policy and dicom.primary_only to choose what is refused",
        )
    return series


def _process(series: SeriesRecord, dicom: DicomResource, storage: StorageResource) -> _Processed:
    """Decode a series, write its images and its array, and then its record."""
    started = time.perf_counter()
    uid, records = series.series_instance_uid, storage.records
    subject = series_subject(uid)
    admitted = [s.sop_instance_uid for s in series.slices if s.judgement is None]
    earlier = EarlierResult.find(storage, uid)
    left = records.begin(subject, PROCESSED, image_files(storage, admitted))
    records.failures.clear(subject, CHECKS)  # the checks run again
    slices, failed, crops, remarks = decode_series(series, dicom, storage)
    _require_usable(series, slices, failed, dicom.on_bad_slice)
    stack = np.stack(crops)
    kept_version = earlier.version_if_equal(slices, failed, stack) if earlier else ""
    write_array(storage.layout.array(subject, PROCESSED), stack)
    files = tuple(image_files(storage, [item.sop_instance_uid for item in slices]))
    files += (records.relative(storage.layout.array(subject, PROCESSED)),)
    remove_images(storage, uid, left.difference(files))
    inputs_digest = processed_digest(series.version, dicom)
    # By UID: the inputs digest covers the content of the files, and a folder that moves changes no
    # result.
    version = kept_version or fingerprint(
        {
            "recipe": inputs_digest,
            "slices": [item.sop_instance_uid for item in slices],
            "failed": [item.sop_instance_uid for item in failed],
        }
    )
    content = ProcessedContent(
        series_version=series.version,
        slices=tuple(slices),
        failed=tuple(failed),
        seconds=round(time.perf_counter() - started, 3),
        remarks=tuple(PixelRemark(code=str(r.code), reason=r.reason) for r in remarks),
    )
    record = Record(inputs_digest, version, files, content)
    records.finish(subject, PROCESSED, record)
    return _Processed(record, crops)


def _require_usable(
    series: SeriesRecord,
    slices: Sequence[ProcessedSlice],
    failed: Sequence[FailedSlice],
    on_bad_slice: str,
) -> None:
    """Check that a slice is left, and that none failed where ``on_bad_slice`` is ``fail``.

    Raises
    ------
    DicomError
        If that is not so.
    """
    bad = [failed_slice(record) for record in series.slices if record.state == "failed"]
    bad += failed
    if not bad or (slices and on_bad_slice != "fail"):
        return
    listed = "; ".join(f"{item.path}: {item.reason}" for item in bad[:3])
    listed += f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
    message = f"{len(bad)} of {len(series.slices)} slices cannot be used: {listed}"
    if not slices:
        reasons = {item.reason for item in bad}
        told = reasons.pop() if len(bad) > 1 and len(reasons) == 1 else listed
        message = f"none of the {len(bad)} slices can be used: {told}"
    remedy = "mend the files, or set on_bad_slice to keep to score the other slices"
    raise DicomError(
        message,
        series=series.series_instance_uid,
        remedy=remedy if slices else None,
        code=bad[0].code,
        slices=tuple(item.model_dump() for item in failed),
    )


def _metadata(
    series: SeriesRecord, processed: _Processed, panels: PanelsResource, storage: StorageResource
) -> dict[str, Any]:
    content, crops = processed.record.content, processed.crops
    shown = sorted({round(i * (len(crops) - 1) / (SHOWN - 1)) for i in range(SHOWN)})
    captions = [f"slice {i}" for i in shown]
    preview = panels.side_by_side([crops[i] for i in shown], captions, warning="")
    failed = series.count("failed") + len(content.failed)
    return {
        "slices_found": len(series.slices),
        "slices_processed": len(content.slices),
        "slices_refused": series.count("refused"),
        "slices_failed": failed,
        "complete": not failed,
        "slices": inline_picture(preview, "from the first slice to the last"),
        "description": one_line(series.description),
        "slice_images": dg.MetadataValue.path(str(storage.layout.slice_png("x").parent)),
        "seconds": content.seconds,
    }
