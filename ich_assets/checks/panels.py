"""The check of the panels of a series."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

from ich_assets.checks.verdict import Verdict, evaluations, specs_of
from ich_assets.saliency import saliency_panels
from ich_assets.step_files import load_images
from ich_resources.errors import StorageError
from ich_resources.saliency.options import middle_slices
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.steps import SALIENCY
from ich_resources.storage.layout import slice_id
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_tables import slice_of_panel
from ich_resources.subjects import series_subject


@dataclass(frozen=True)
class Drawn:
    """SOPInstanceUIDs of the slices that were to be drawn, and the names of the panels found."""

    wanted: list[str]
    panels: list[str]


def panel_per_slice(found: Drawn) -> Verdict:
    """One panel for each scored slice that was asked for, all of them on disk."""
    drawn = Counter(map(slice_of_panel, found.panels))
    per_slice = [drawn[slice_id(sop_uid)] for sop_uid in found.wanted]
    return Verdict(
        passed=set(per_slice) == {1} and len(found.panels) == len(found.wanted),
        metadata={"slices": len(found.wanted), "panels": len(found.panels)},
    )


BLOCK = (panel_per_slice,)


@dg.multi_asset_check(specs=specs_of(saliency_panels, block=BLOCK), can_subset=True)
def saliency_panels_checks(
    context: dg.AssetCheckExecutionContext, saliency: SaliencyResource, storage: StorageResource
) -> Iterator[dg.AssetCheckResult]:
    """Count the panels.

    Raises
    ------
    StorageError
        If there is no valid record of the panels.
    """
    uid = context.partition_key
    _, images = load_images(storage, uid)
    folder = storage.layout.series_panels(uid)
    if storage.records.find(series_subject(uid), SALIENCY) is None:
        raise StorageError(
            "there is no valid record of the panels",
            path=folder,
            series=uid,
            remedy="run the series again",
        )
    chosen = middle_slices(len(images.crops), saliency.max_slices_per_series)
    drawn = Drawn(
        [images.sop_instance_uids[i] for i in chosen], [path.name for path in folder.glob("*.png")]
    )
    yield from evaluations(context, BLOCK, drawn)
