"""Checks of the images of a series: every slice is accounted for, and the values can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import numpy as np

from ich_assets.checks.verdict import Verdict, evaluations, specs_of
from ich_assets.judgements import disorder, other_windows
from ich_assets.series import processed_series
from ich_assets.step_files import load_images
from ich_resources.plain_text import one_line
from ich_resources.series import SeriesRecord
from ich_resources.series_images import SeriesImages
from ich_resources.storage.ledger import find_series
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.resource import StorageResource


@dataclass(frozen=True)
class Processed:
    """A processed series: what was found, the record of the step and the crops."""

    series: SeriesRecord
    content: ProcessedContent
    images: SeriesImages


def slice_accounting(found: Processed) -> Verdict:
    """Every slice found is in the array of crops, or refused, or failed, exactly once."""
    slices = found.series.slices
    processed = list(found.images.sop_instance_uids)
    failed = [item.sop_instance_uid for item in found.content.failed]
    refused_by_header = [s.sop_instance_uid for s in slices if s.state == "refused"]
    failed_by_header = [s.sop_instance_uid for s in slices if s.state == "failed"]
    accounted = sorted(processed + failed + refused_by_header + failed_by_header)
    return Verdict(
        passed=accounted == sorted(s.sop_instance_uid for s in slices),
        metadata={
            "found": len(slices),
            "scored": len(processed),
            "refused": len(refused_by_header),
            "failed": len(failed) + len(failed_by_header),
        },
    )


def series_complete(found: Processed) -> Verdict:
    """No slice that should be scored has failed. Otherwise the series is incomplete."""
    failed = [f"{item.path}: {item.reason}" for item in found.content.failed]
    failed += [
        f"{s.path}: {s.judgement.reason}"
        for s in found.series.slices
        if s.judgement is not None and s.judgement.state == "failed"
    ]
    return Verdict(
        passed=not failed,
        description=f"{len(failed)} slices failed" if failed else "every slice is there",
        metadata={
            "failed": len(failed),
            "reasons": dg.MetadataValue.json([one_line(text) for text in failed]),
        },
    )


def slice_order(found: Processed) -> Verdict:
    """The order along the slice normal is the order of z, and no two slices have one position."""
    slices = found.content.slices
    gaps = np.diff([item.position for item in slices])
    backwards, doubled = disorder(slices)
    return Verdict(
        passed=backwards == 0 and doubled == 0,
        description="the reference orders by z alone, which gives another order of these slices"
        if backwards
        else None,
        metadata={
            "steps_against_z": backwards,
            "places_taken_twice": doubled,
            "smallest_gap_mm": round(float(gaps.min()), 3) if len(gaps) else 0.0,
            "largest_gap_mm": round(float(gaps.max()), 3) if len(gaps) else 0.0,
        },
    )


def brain_window(found: Processed) -> Verdict:
    """Every slice has a brain window. The networks were trained on brain windows only."""
    windows = sorted({item.window for item in found.content.slices})
    other = other_windows(found.content.slices)
    return Verdict(
        passed=not other,
        metadata={
            "windows_hu": ", ".join(f"{center:g}/{width:g}" for center, width in windows),
            "not_for_brain_hu": ", ".join(f"{center:g}/{width:g}" for center, width in other),
        },
    )


def plausible_values(found: Processed) -> Verdict:
    """The pixels say nothing against the values: enough gray levels, no empty or mended slice.

    Values that cannot be HU fail the step itself.
    """
    said = [f"{remark.code}: {remark.reason}" for remark in found.content.remarks]
    return Verdict(
        passed=not said, description="; ".join(said) or None, metadata={"remarks": len(said)}
    )


WARN = (series_complete, slice_order, brain_window, plausible_values)
BLOCK = (slice_accounting,)


@dg.multi_asset_check(specs=specs_of(processed_series, warn=WARN, block=BLOCK), can_subset=True)
def processed_series_checks(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> Iterator[dg.AssetCheckResult]:
    """Check the slices of a series and their values."""
    record, images = load_images(storage, context.partition_key)
    series = find_series(storage.layout, context.partition_key)
    yield from evaluations(context, (*WARN, *BLOCK), Processed(series, record.content, images))
