"""Checks of the probabilities of a series."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import dagster as dg
import numpy as np

from ich_assets.checks.precision import LOGIT_BOUND, SHARE_BOUND, changes
from ich_assets.checks.verdict import Verdict, evaluations, specs_of
from ich_assets.ensemble import ensemble_predictions
from ich_assets.judgements import FOLD_SPREAD, SHORTFALL, fold_spread, shortfalls
from ich_assets.step_files import load_ensemble, load_folds, load_images, load_shown
from ich_resources.findings import FloatArray, FoldProbabilities
from ich_resources.inference.resource import NetworksResource
from ich_resources.series_images import SeriesImages
from ich_resources.storage.probability_schemas import PredictionsContent
from ich_resources.storage.resource import StorageResource


@dataclass(frozen=True)
class Scored:
    """A scored series: its images, its probabilities, those that the tables show, and each fold."""

    images: SeriesImages
    ensemble: FloatArray
    shown: FloatArray
    folds: Mapping[str, tuple[PredictionsContent, FoldProbabilities]]
    networks: NetworksResource


def any_covers_subtypes(found: Scored) -> Verdict:
    """P(any) is not far below the highest subtype. ``any`` is the union of the subtypes."""
    shortfall = shortfalls(found.ensemble)
    return Verdict(
        passed=bool((shortfall <= SHORTFALL).all()),
        metadata={
            "slices_below": int((shortfall > SHORTFALL).sum()),
            "largest_shortfall": round(float(shortfall.max()), 4),
            "slice": int(shortfall.argmax()) + 1,
        },
    )


def folds_agree(found: Scored) -> Verdict:
    """The folds of each backbone give similar P(any). A mean over folds that differ says little."""
    spreads = {name: fold_spread(folds.probabilities) for name, (_, folds) in found.folds.items()}
    most = max(len(folds.folds) for _, folds in found.folds.values())
    return Verdict(
        passed=max(spreads.values()) <= FOLD_SPREAD,
        description="not applicable: each backbone has one fold" if most == 1 else None,
        metadata={name: round(spread, 4) for name, spread in spreads.items()},
    )


def not_trained_on(found: Scored) -> Verdict:
    """No network was trained on this study. Probabilities of such a study look too good.

    Checkpoints of ``ich_train`` list their studies as hashes. Released checkpoints list none. Other
    studies of the same patient are not known.
    """
    used = [
        (f"{name}/{fold.file}", fold.trained_on_study)
        for name, (content, _) in found.folds.items()
        for fold in content.folds
    ]
    seen = [name for name, trained_on in used if trained_on]
    return Verdict(
        passed=not seen,
        description=f"{len(seen)} of {len(used)} networks were trained on this study"
        if seen
        else None,
        metadata={
            "networks": len(used),
            "networks_that_list_their_studies": sum(known is not None for _, known in used),
            "trained_on_this_study": dg.MetadataValue.json(seen),
        },
    )


def precision_holds(found: Scored) -> Verdict:
    """At a lower precision the logits of some slices are those of float32, but for a small share.

    The first fold of each backbone scores slices with a P(any) near 0.5, and slices that lie apart
    in the series, again in float32.
    """
    networks = found.networks
    metadata: dict[str, object] = {"precision": networks.precision}
    if networks.precision == "float32":
        return Verdict(True, metadata, "not applicable: the results are those of float32")
    beyond = 0.0
    for name, (_, folds) in found.folds.items():
        change = changes(networks, folds, found.images)
        share = float((change > LOGIT_BOUND).mean())
        beyond = max(beyond, share)
        metadata[f"{name}_largest_change"] = round(float(change.max()), 5)
        metadata[f"{name}_share_beyond"] = round(share, 4)
    metadata |= {"bound": LOGIT_BOUND, "largest_share": SHARE_BOUND}
    return Verdict(beyond <= SHARE_BOUND, metadata)


def probabilities_valid(found: Scored) -> Verdict:
    """One row per processed slice, every value finite and within [0, 1]."""
    shown, slices = found.shown, len(found.images.crops)
    finite = np.isfinite(shown)
    outside = int(((shown < 0) | (shown > 1)).sum())
    return Verdict(
        passed=bool(finite.all()) and not outside and len(shown) == slices,
        metadata={
            "slices": slices,
            "rows": len(shown),
            "not_finite": int((~finite).sum()),
            "outside_0_1": outside,
        },
    )


WARN = (any_covers_subtypes, folds_agree, not_trained_on, precision_holds)
BLOCK = (probabilities_valid,)


@dg.multi_asset_check(specs=specs_of(ensemble_predictions, warn=WARN, block=BLOCK), can_subset=True)
def ensemble_predictions_checks(
    context: dg.AssetCheckExecutionContext, networks: NetworksResource, storage: StorageResource
) -> Iterator[dg.AssetCheckResult]:
    """Check the probabilities of the ensemble and of each fold."""
    uid = context.partition_key
    folds = {}
    for backbone in networks.chosen:
        record, values = load_folds(storage, uid, backbone)
        folds[backbone.name] = (record.content, values)
    _, images = load_images(storage, uid)
    _, ensemble = load_ensemble(storage, uid)
    _, shown = load_shown(storage, uid)
    scored = Scored(images, ensemble, shown, folds, networks)
    yield from evaluations(context, (*WARN, *BLOCK), scored)
