"""Rows, names and manifest entries of the saliency panels (docs/reference.md, section 6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ich_resources.findings import FloatArray, SliceSaliency, share
from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.layout import slice_id

CLASS_IS = "the class with the highest mean probability over the exported slices"
"""What ``predicted_class_name`` of a series is: it does not say that a slice has this class."""


def panel_name(index: int, probabilities: FloatArray, score: float, sop_uid: str) -> str:
    """Return the file name of a panel.

    Parameters
    ----------
    index : int
        Place of the slice in its series.
    probabilities : float32 array, shape (6,)
        The bars; the highest one is named.
    score : float
        Saliency score.
    sop_uid : str
        SOPInstanceUID.
    """
    top = int(np.argmax(probabilities))
    return (
        f"{index:03d}_pred-{CLASSES[top]}_p{probabilities[top]:.3f}_s{score:.5f}"
        f"_{slice_id(sop_uid)}.png"
    )


def slice_of_panel(name: str) -> str:
    """Return the ID of the slice that a panel shows; empty if the name is not that of a panel.

    Parameters
    ----------
    name : str
        File name of the panel. The ID itself may hold underscores and dots.
    """
    return "".join(name.removesuffix(".png").split("_", 4)[4:])


@dataclass(frozen=True)
class SaliencySource:
    """What the maps of one series come from.

    Attributes
    ----------
    series_uid : str
        SeriesInstanceUID.
    mode, method : str
        Options of ``saliency``.
    bar_source : str
        What the bars show.
    weights : sequence of (backbone, checkpoint file name)
        The networks behind the maps.
    """

    series_uid: str
    mode: str
    method: str
    bar_source: str
    weights: Sequence[tuple[str, str]]


def score_row(
    source: SaliencySource,
    index: int,
    sop_uid: str,
    saved_png: str,
    bars: FloatArray,
    saliency: SliceSaliency,
) -> dict[str, Any]:
    """Return the row of one slice in ``slice_saliency_scores.csv``.

    Parameters
    ----------
    source : SaliencySource
        What the map comes from.
    index : int
        Place of the slice in its series.
    sop_uid : str
        SOPInstanceUID.
    saved_png : str
        File name of the panel.
    bars : float32 array, shape (6,)
        Probabilities shown as bars, from ``source.bar_source``.
    saliency : SliceSaliency
        Map and probabilities on the saliency input.
    """
    top, model_top = int(np.argmax(bars)), saliency.model_class
    names = ",".join(f"{name}:{file}" for name, file in source.weights)
    row: dict[str, Any] = {
        "series_id": source.series_uid,
        "seq_idx": index,
        "filename": f"{slice_id(sop_uid)}.png",
        "saved_png": saved_png,
        "predicted_class_index": top,
        "predicted_class_name": CLASSES[top],
        "bar_prob_source": source.bar_source,
        "saliency_mode": source.mode,
        "saliency_method": source.method,
        "saliency_model_name": "ensemble" if source.mode == "ensemble" else source.weights[0][0],
        "saliency_model_weight": names,
        "saliency_model_predicted_class_index": model_top,
        "saliency_model_predicted_class_name": CLASSES[model_top],
        "target_class_index": saliency.target_class,
        "saliency_score": saliency.score,
    }
    for i, name in enumerate(CLASSES):
        row[f"prob_{name}"] = float(bars[i])
        row[f"saliency_model_prob_{name}"] = float(saliency.combined[i])
        for backbone, p in saliency.per_backbone.items():
            row[f"{backbone}_prob_{name}"] = float(p[i])
            row[f"{backbone}_prob_norm_{name}"] = float(share(p)[i])
    return row


def manifest_entry(
    series_uid: str, bars: FloatArray, *, slices_failed: int, about: dict[str, Any]
) -> dict[str, Any]:
    """Return the entry of one series in ``run_manifest.json``.

    Parameters
    ----------
    series_uid : str
        SeriesInstanceUID.
    bars : float32 array, shape (M, 6)
        Probabilities shown on the exported panels.
    slices_failed : int
        Slices that should have been scored and could not be.
    about : dict
        What made it: networks, options, whether the weights are untrained.
    """
    mean = bars.mean(axis=0, dtype=np.float64)
    top = int(mean.argmax())
    return {
        "series_id": series_uid,
        "num_slices_exported": len(bars),
        "predicted_class_index": top,
        "predicted_class_name": CLASSES[top],
        "predicted_class_is": CLASS_IS,
        "probabilities_mean": dict(zip(CLASSES, mean.tolist(), strict=True)),
        "complete": slices_failed == 0,
        "slices_failed": slices_failed,
        **about,
    }
