"""Asset checks of a series: some block the next step, the others warn."""

from collections import Counter

import dagster as dg
import numpy as np

from ich_assets.checkpoints import DIGEST_CHECKS
from ich_assets.judgements import (
    FOLD_SPREAD,
    SHORTFALL,
    disorder,
    fold_spread,
    other_windows,
    shortfalls,
)
from ich_assets.partitions import SERIES
from ich_assets.precision import precision_holds
from ich_assets.predictions import ensemble_predictions
from ich_assets.saliency import saliency_panels
from ich_assets.series import processed_series
from ich_assets.step_files import load_ensemble, load_folds, load_images, load_shown
from ich_assets.trained_studies import not_trained_on
from ich_resources.errors import StorageError
from ich_resources.inference.resource import NetworksResource
from ich_resources.plain_text import one_line
from ich_resources.saliency.options import middle_slices
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.steps import SALIENCY
from ich_resources.storage.layout import slice_id
from ich_resources.storage.ledger import find_series
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_tables import slice_of_panel
from ich_resources.subjects import series_subject


@dg.asset_check(asset=processed_series, partitions_def=SERIES, blocking=True)
def slice_accounting(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> dg.AssetCheckResult:
    """Every slice found is in the array of crops, or refused, or failed, exactly once."""
    series = find_series(storage.layout, context.partition_key)
    record, images = load_images(storage, context.partition_key)
    processed = list(images.sop_instance_uids)
    failed = [item.sop_instance_uid for item in record.content.failed]
    refused_by_header = [s.sop_instance_uid for s in series.slices if s.state == "refused"]
    failed_by_header = [s.sop_instance_uid for s in series.slices if s.state == "failed"]
    accounted = sorted(processed + failed + refused_by_header + failed_by_header)
    found = sorted(s.sop_instance_uid for s in series.slices)
    return dg.AssetCheckResult(
        passed=accounted == found,
        metadata={
            "found": len(found),
            "scored": len(processed),
            "refused": len(refused_by_header),
            "failed": len(failed) + len(failed_by_header),
        },
    )


@dg.asset_check(asset=processed_series, partitions_def=SERIES)
def series_complete(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> dg.AssetCheckResult:
    """No slice that should be scored has failed. Otherwise the series is incomplete."""
    series = find_series(storage.layout, context.partition_key)
    record, _ = load_images(storage, context.partition_key)
    failed = [f"{item.path}: {item.reason}" for item in record.content.failed]
    failed += [
        f"{s.path}: {s.judgement.reason}"
        for s in series.slices
        if s.judgement is not None and s.judgement.state == "failed"
    ]
    return dg.AssetCheckResult(
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(failed)} slices failed" if failed else "every slice is there",
        metadata={
            "failed": len(failed),
            "reasons": dg.MetadataValue.json([one_line(text) for text in failed]),
        },
    )


@dg.asset_check(asset=processed_series, partitions_def=SERIES)
def slice_order(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> dg.AssetCheckResult:
    """The order along the slice normal is the order of z, and no two slices have one position."""
    record, _ = load_images(storage, context.partition_key)
    slices = record.content.slices
    gaps = np.diff([item.position for item in slices])
    backwards, doubled = disorder(slices)
    return dg.AssetCheckResult(
        passed=backwards == 0 and doubled == 0,
        severity=dg.AssetCheckSeverity.WARN,
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


@dg.asset_check(asset=ensemble_predictions, partitions_def=SERIES, blocking=True)
def probabilities_valid(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> dg.AssetCheckResult:
    """One row per processed slice, every value finite and within [0, 1]."""
    _, images = load_images(storage, context.partition_key)
    _, ensemble = load_shown(storage, context.partition_key)
    finite = np.isfinite(ensemble)
    outside = int(((ensemble < 0) | (ensemble > 1)).sum())
    return dg.AssetCheckResult(
        passed=bool(finite.all()) and not outside and len(ensemble) == len(images.crops),
        metadata={
            "slices": len(images.crops),
            "rows": len(ensemble),
            "not_finite": int((~finite).sum()),
            "outside_0_1": outside,
        },
    )


@dg.asset_check(asset=saliency_panels, partitions_def=SERIES, blocking=True)
def panel_per_slice(
    context: dg.AssetCheckExecutionContext, saliency: SaliencyResource, storage: StorageResource
) -> dg.AssetCheckResult:
    """One panel for each scored slice that was asked for, all of them on disk.

    Raises
    ------
    StorageError
        If there is no valid record of the panels.
    """
    uid = context.partition_key
    _, images = load_images(storage, uid)
    record = storage.records.find(series_subject(uid), SALIENCY)
    if record is None:
        raise StorageError("panels are missing", path=storage.layout.series_panels(uid), series=uid)
    wanted = [
        images.sop_instance_uids[i]
        for i in middle_slices(len(images.crops), saliency.max_slices_per_series)
    ]
    panels = list(storage.layout.series_panels(uid).glob("*.png"))
    drawn = Counter(slice_of_panel(path.name) for path in panels)
    per_slice = [drawn[slice_id(sop_uid)] for sop_uid in wanted]
    return dg.AssetCheckResult(
        passed=set(per_slice) == {1} and len(panels) == len(wanted),
        metadata={"slices": len(wanted), "panels": len(panels)},
    )


@dg.asset_check(asset=processed_series, partitions_def=SERIES)
def brain_window(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> dg.AssetCheckResult:
    """Every slice has a brain window. The networks were trained on brain windows only."""
    record, _ = load_images(storage, context.partition_key)
    windows = sorted({item.window for item in record.content.slices})
    other = other_windows(record.content.slices)
    return dg.AssetCheckResult(
        passed=not other,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "windows_hu": ", ".join(f"{center:g}/{width:g}" for center, width in windows),
            "not_for_brain_hu": ", ".join(f"{center:g}/{width:g}" for center, width in other),
        },
    )


@dg.asset_check(asset=processed_series, partitions_def=SERIES)
def plausible_values(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> dg.AssetCheckResult:
    """The pixels say nothing against the values: enough gray levels, no empty or mended slice.

    Values that cannot be HU fail the step itself.
    """
    record, _ = load_images(storage, context.partition_key)
    said = [f"{remark.code}: {remark.reason}" for remark in record.content.remarks]
    return dg.AssetCheckResult(
        passed=not said,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(said) or None,
        metadata={"remarks": len(said)},
    )


@dg.asset_check(asset=ensemble_predictions, partitions_def=SERIES)
def any_covers_subtypes(
    context: dg.AssetCheckExecutionContext, storage: StorageResource
) -> dg.AssetCheckResult:
    """P(any) is not far below the highest subtype. ``any`` is the union of the subtypes."""
    _, ensemble = load_ensemble(storage, context.partition_key)
    shortfall = shortfalls(ensemble)
    return dg.AssetCheckResult(
        passed=bool((shortfall <= SHORTFALL).all()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "slices_below": int((shortfall > SHORTFALL).sum()),
            "largest_shortfall": round(float(shortfall.max()), 4),
            "slice": int(shortfall.argmax()) + 1,
        },
    )


@dg.asset_check(asset=ensemble_predictions, partitions_def=SERIES)
def folds_agree(
    context: dg.AssetCheckExecutionContext, networks: NetworksResource, storage: StorageResource
) -> dg.AssetCheckResult:
    """The folds of each backbone give similar P(any). A mean over folds that differ says little."""
    spreads, most = {}, 0
    for backbone in networks.chosen:
        _, folds = load_folds(storage, context.partition_key, backbone)
        spreads[backbone.name] = fold_spread(folds.probabilities)
        most = max(most, len(folds.probabilities))
    return dg.AssetCheckResult(
        passed=max(spreads.values()) <= FOLD_SPREAD,
        severity=dg.AssetCheckSeverity.WARN,
        description="not applicable: each backbone has one fold" if most == 1 else None,
        metadata={name: round(spread, 4) for name, spread in spreads.items()},
    )


SERIES_CHECKS = [
    slice_accounting,
    series_complete,
    slice_order,
    brain_window,
    plausible_values,
    probabilities_valid,
    any_covers_subtypes,
    folds_agree,
    not_trained_on,
    precision_holds,
    panel_per_slice,
]
CHECKS = [*SERIES_CHECKS, *DIGEST_CHECKS]
