"""A task that only context solves: bleeds are runs of slices, and each slice is seen through noise.

Evidence for and against each class is +1 or -1, with noise of 1.6 that the base networks share and
noise of 1.0 of their own. The features hold the evidence and nothing more.
"""

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import CLASSES
from ich_resources.sequence.samples import ScoredSeries

NETWORKS = 3
SHARED, OWN = 1.6, 1.0


def make_series(
    count: int, seed: int, slices: tuple[int, int] = (20, 33), *, width: int = 2048
) -> list[ScoredSeries]:
    """Return series with bleeds that are runs of 5 to 11 slices."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(NETWORKS, len(CLASSES), width)) / 8
    return [
        _one(random, mixing, int(random.integers(*slices, endpoint=True))) for _ in range(count)
    ]


def _one(random: np.random.Generator, mixing: npt.NDArray[np.float64], length: int) -> ScoredSeries:
    labels = np.zeros((length, len(CLASSES)), np.float32)
    for kind in range(1, len(CLASSES)):
        if random.random() < 0.4:
            run = int(random.integers(5, 11, endpoint=True))
            start = int(random.integers(0, max(length - run, 1)))
            labels[start : start + run, kind] = 1
    labels[:, 0] = labels[:, 1:].max(1)
    shared = SHARED * random.normal(size=(1, *labels.shape))
    own = OWN * random.normal(size=(NETWORKS, *labels.shape))
    evidence = 2 * labels - 1 + shared + own
    features = np.maximum(np.einsum("mlc,mcw->mlw", evidence, mixing), 0).astype(np.float16)
    return ScoredSeries(
        tuple(features),
        (1 / (1 + np.exp(-evidence))).astype(np.float32),
        np.arange(length) * 5.0,
        labels,
    )


def shuffled(series: list[ScoredSeries], seed: int) -> list[ScoredSeries]:
    """Return the same series with the slices of each in an order without meaning."""
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(one)) for one in series]
    return [
        ScoredSeries(
            tuple(values[order] for values in one.features),
            one.probabilities[:, order],
            one.positions,
            one.labels[order],
        )
        for one, order in zip(series, orders, strict=True)
    ]


def single_slice_probabilities(
    train: list[ScoredSeries], test: list[ScoredSeries]
) -> npt.NDArray[np.float64]:
    """Return what the best predictor that sees one slice alone says, calibrated on ``train``.

    For each class a logistic regression on the evidence of all networks and classes.
    """
    from sklearn.linear_model import LogisticRegression

    seen, asked = _evidence(train), _evidence(test)
    labels = np.concatenate([one.labels for one in train])
    return np.stack(
        [
            LogisticRegression().fit(seen, labels[:, kind]).predict_proba(asked)[:, 1]
            for kind in range(len(CLASSES))
        ],
        1,
    )


def _evidence(series: list[ScoredSeries]) -> npt.NDArray[np.float64]:
    """Return the evidence of every slice, (n, 18); the mean over networks is what counts."""
    p = np.concatenate([one.probabilities for one in series], 1).astype(np.float64)
    return np.log(p / (1 - p)).mean(0)
