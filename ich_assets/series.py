"""processed_series: the DICOM files of a series to windowed slices and shared 512 crops."""

import time
from collections.abc import Iterable
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt

from ich_assets.inputs_digests import processed_recipe
from ich_assets.ledger import DICOM_SERIES
from ich_assets.metadata import SHOWN, inline_png
from ich_assets.partitions import SERIES
from ich_assets.runtime.retries import tried_again
from ich_resources.backbones.table import BACKBONES
from ich_resources.dicom.resource import DicomResource
from ich_resources.errors import DicomError
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.preprocessing import centre_crop, window_to_uint8
from ich_resources.recipe import CODE_VERSIONS, PROCESSED, fingerprint
from ich_resources.series import HuSlice, SeriesImages, SeriesRecord, SliceRecord
from ich_resources.storage.files import read_array, remove, write_array, write_png
from ich_resources.storage.ledger import admitted_elsewhere, find_series
from ich_resources.storage.records import CHECKS, Record
from ich_resources.storage.resource import StorageResource


@dg.asset(
    name=PROCESSED,
    group_name="series",
    partitions_def=SERIES,
    deps=[DICOM_SERIES],
    kinds={"dicom", "opencv"},
    code_version=CODE_VERSIONS["processed_series"],
)
def processed_series(
    context: dg.AssetExecutionContext,
    dicom: DicomResource,
    networks: NetworksResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Decode each slice once, apply its window, and keep the 512 crop all networks share.

    HU = stored x slope + intercept; the window of the header; 8 bit; order along the slice normal.
    A slice that cannot be decoded is listed with its reason, never dropped.
    """
    uid = context.partition_key
    if _predictions_follow(context):
        networks.begin_to_load()
    with tried_again(context), storage.records.working_on(uid, PROCESSED):
        series = find_series(storage.layout, uid)
        if not series.to_be_scored:
            raise DicomError(
                f"the series is refused ({series.codes}): {series.sentence}",
                series=uid,
                remedy="dicom.policy and dicom.primary_only say what is refused",
            )
        started = time.perf_counter()
        admitted = [s.sop_instance_uid for s in series.slices if s.judgement is None]
        left = storage.records.begin(uid, PROCESSED, _images(storage, admitted))
        storage.records.forget_failure(uid, CHECKS)  # they are made again
        done, crops, failed = _process(series, dicom, storage)
        _require_usable(series, done, failed, dicom.on_bad_slice)
        write_array(storage.layout.array(uid, PROCESSED), np.stack(crops))
        names = tuple(_images(storage, [item["sop_instance_uid"] for item in done]))
        names += (storage.records.relative(storage.layout.array(uid, PROCESSED)),)
        gone = left.difference(names)
        if gone:  # but the images of a slice that is another series' now are that one's
            gone = gone.difference(_images(storage, admitted_elsewhere(storage.layout, uid)))
            remove(storage.layout.run_root / name for name in gone)
        recipe = processed_recipe(series)
        seconds = round(time.perf_counter() - started, 3)
        content = {
            "series_version": series.version,
            "slices": done,
            "failed": failed,
            "seconds": seconds,
        }
        # By UID: the recipe holds their content, and a folder that moves changes no result.
        used, lost = ([item["sop_instance_uid"] for item in items] for items in (done, failed))
        version = fingerprint({"recipe": recipe, "slices": used, "failed": lost})
        storage.records.finish(uid, PROCESSED, Record(recipe, version, names, content))
    shown = sorted({round(i * (len(crops) - 1) / (SHOWN - 1)) for i in range(SHOWN)})
    preview = panels.side_by_side(
        [crops[i] for i in shown], [f"slice {i}" for i in shown], untrained=False
    )
    refused, failed_before = series.count("refused"), series.count("failed")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "slices_found": len(series.slices),
            "slices_processed": len(done),
            "slices_refused": refused,
            "slices_failed": failed_before + len(failed),
            "complete": not failed and not failed_before,
            "slices": inline_png(preview, "from the first slice to the last"),
            "description": series.description,
            "slice_images": dg.MetadataValue.path(str(storage.layout.slice_png("x").parent)),
            "seconds": seconds,
        },
    )


def _predictions_follow(context: dg.AssetExecutionContext) -> bool:
    selected = context.run.asset_selection
    steps = {backbone.predictions_step for backbone in BACKBONES.values()}
    return selected is None or any(key.to_user_string() in steps for key in selected)


def load_images(storage: StorageResource, uid: str) -> tuple[Record, SeriesImages]:
    """Return the record and the crops of a processed series.

    Raises
    ------
    DicomError
        If the series has not been processed.
    """
    record = storage.records.find(uid, PROCESSED)
    remedy = f"materialise {PROCESSED} for this partition first"
    if record is None:
        raise DicomError("the series has not been processed", series=uid, remedy=remedy)
    crops = read_array(storage.layout.array(uid, PROCESSED), remedy=remedy, mapped=True)
    sop_uids = tuple(item["sop_instance_uid"] for item in record.content["slices"])
    return record, SeriesImages(sop_uids, crops)


def _process(
    series: SeriesRecord, dicom: DicomResource, storage: StorageResource
) -> tuple[list[dict[str, Any]], list[npt.NDArray[np.uint8]], list[dict[str, Any]]]:
    """Write the PNG of each readable slice; return what was done, the crops, what failed."""
    done, crops, failed = [], [], []
    for item in dicom.read(series):
        if isinstance(item, SliceRecord):
            failed.append(_failed(item))
            continue
        image = window_to_uint8(item.hu, *item.window)
        write_png(storage.layout.slice_png(item.record.sop_instance_uid), image)
        crops.append(centre_crop(image))
        done.append(_done(item))
    return done, crops, failed


def _images(storage: StorageResource, sop_instance_uids: Iterable[str]) -> list[str]:
    """Return the PNGs of slices as they stand in a record."""
    paths = map(storage.layout.slice_png, sop_instance_uids)
    return [storage.records.relative(path) for path in paths]


def _done(item: HuSlice) -> dict[str, Any]:
    return {
        "sop_instance_uid": item.record.sop_instance_uid,
        "path": item.record.path,
        "position": item.record.position,
        "position_z": item.record.position_z,
        "window": list(item.window),
    }


def _failed(record: SliceRecord) -> dict[str, Any]:
    assert record.judgement is not None
    return {
        "path": record.path,
        "sop_instance_uid": record.sop_instance_uid,
        "code": str(record.judgement.code),
        "reason": record.judgement.reason,
    }


def _require_usable(
    series: SeriesRecord, done: list[Any], failed: list[dict[str, Any]], on_bad_slice: str
) -> None:
    bad = [_failed(record) for record in series.slices if record.state == "failed"] + failed
    if not bad:
        return
    listed = "; ".join(f"{item['path']}: {item['reason']}" for item in bad[:3])
    listed += f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
    if not done:
        raise DicomError(
            f"none of the {len(bad)} slices can be used: {listed}",
            series=series.series_instance_uid,
            code=bad[0]["code"],
            slices=tuple(failed),
        )
    if on_bad_slice == "fail":
        raise DicomError(
            f"{len(bad)} of {len(series.slices)} slices cannot be used: {listed}",
            series=series.series_instance_uid,
            remedy="mend the files, or set on_bad_slice to keep to score the other slices",
            code=bad[0]["code"],
            slices=tuple(failed),
        )
