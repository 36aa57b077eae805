"""Probabilities of a series from the sequence models: forward and reversed, mean over folds."""

from collections.abc import Sequence

import numpy as np
import torch

from ich_resources.errors import InferenceError
from ich_resources.findings import FloatArray
from ich_resources.sequence.loop import tensors
from ich_resources.sequence.network import SequenceNetwork
from ich_resources.sequence.recipe import SequenceFeatures
from ich_resources.sequence.samples import ScoredSeries, make_sample, stacked, turned


def sequence_probabilities(
    networks: Sequence[SequenceNetwork],
    seen: Sequence[ScoredSeries],
    features: SequenceFeatures = "each",
) -> FloatArray:
    """Return the probabilities of head 2 for each slice of one series.

    Parameters
    ----------
    networks : sequence of SequenceNetwork
        The folds, in evaluation mode, on one device.
    seen : sequence of ScoredSeries
        The series as each 2D fold has scored it. Their labels are not read.
    features : {"each", "mean"}
        Run on what each 2D fold gives, or on the mean of that.

    Returns
    -------
    float32 array, shape (L, 6)
        Mean over 2D folds, sequence folds and both directions; slices in their order.

    Raises
    ------
    InferenceError
        If a probability is not finite.
    ValueError
        If there is no network or no 2D fold.
    """
    if not networks or not seen:
        raise ValueError(f"{len(networks)} sequence networks and {len(seen)} 2D folds")
    if features == "mean":
        seen = [mean_of_folds(seen)]
    forward = [make_sample(one) for one in seen]
    batch = stacked([*forward, *map(turned, forward)])
    device = next(networks[0].parameters()).device
    total = np.zeros(batch.labels.shape[1:], np.float64)
    with torch.inference_mode():
        shown, channels, _ = tensors(batch, device)
        for network in networks:
            _, logits = network(shown, channels)
            found = torch.sigmoid(logits.double()).cpu().numpy()
            total += found[: len(seen)].sum(0) + found[len(seen) :, ::-1].sum(0)
    probabilities = (total / (2 * len(seen) * len(networks))).astype(np.float32)
    if not np.isfinite(probabilities).all():
        raise InferenceError(
            "the sequence models gave probabilities that are not finite",
            remedy="check the features of the 2D networks, and the sequence checkpoints",
        )
    return probabilities


def mean_of_folds(seen: Sequence[ScoredSeries]) -> ScoredSeries:
    """Return a series as the mean of its 2D folds: features and probabilities."""
    features = [
        np.stack([one.features[network] for one in seen]).mean(0, dtype=np.float32)
        for network in range(len(seen[0].features))
    ]
    probabilities = np.stack([one.probabilities for one in seen]).mean(0, dtype=np.float32)
    return ScoredSeries(
        tuple(values.astype(np.float16) for values in features),
        probabilities,
        seen[0].positions,
        seen[0].labels,
    )
