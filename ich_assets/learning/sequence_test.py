"""Probabilities of the sequence models for the test set, for the submission."""

from collections.abc import Sequence

import numpy as np

from ich_assets.learning.data_set import test_set
from ich_assets.learning.holding import test_records
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.sequence_data import test_series
from ich_assets.training_partitions import partition_of
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.errors import CheckpointError, IchError
from ich_resources.hemorrhage import CLASSES
from ich_resources.sequence.about import SequenceAbout
from ich_resources.sequence.checkpoint import (
    SequenceFile,
    find_sequence,
    load_sequence,
    require_fits_together,
)
from ich_resources.storage.oof import FloatArray


def sequence_digests(resources: LearningResources) -> list[str]:
    """Return the SHA-256 of each sequence checkpoint, in order.

    Raises
    ------
    CheckpointError
        If one is missing.
    """
    return [file.digest for file in find_sequence(resources.train_root.layout.models)]


def sequence_test_probabilities(
    resources: LearningResources, backbones: Sequence[Backbone]
) -> FloatArray:
    """Return what the sequence models say of the test set.

    Each 2D fold's predictions go through each sequence fold, forward and reversed.

    Parameters
    ----------
    resources : LearningResources
        The training root.
    backbones : sequence of Backbone
        Those whose predictions of the test set hold.

    Returns
    -------
    float32 array, shape (n, 6)
        In the order of the test set.

    Raises
    ------
    CheckpointError
        If a sequence checkpoint is missing, or was trained on other 2D checkpoints.
    IchError
        If the predictions of the test set do not hold, or have other views.
    """
    from ich_resources.backbones.device import resolve_devices
    from ich_resources.sequence.apply import sequence_probabilities

    layout, device = resources.train_root.layout, resolve_devices(resources.sequence.device)[0]
    files = find_sequence(layout.models)
    loaded = [load_sequence(file, device) for file in files]
    abouts, networks = [about for about, _ in loaded], [network for _, network in loaded]
    ordered = _base_networks(resources, backbones, abouts, files)
    rows = {uid: row for row, uid in enumerate(test_set(layout).slices)}
    found = np.full((len(rows), len(CLASSES)), np.nan, np.float32)
    by_fold = [test_series(resources, ordered, fold) for fold in range(FOLDS)]
    for same in zip(*by_fold, strict=True):
        seen = [series for _, series in same]
        slices = same[0][0]
        found[[rows[uid] for uid in slices]] = sequence_probabilities(
            networks, seen, abouts[0].sequence_features
        )
    return found


def _base_networks(
    resources: LearningResources,
    backbones: Sequence[Backbone],
    abouts: Sequence[SequenceAbout],
    files: Sequence[SequenceFile],
) -> list[Backbone]:
    """Return the base networks in their order, once they are known to be the right ones.

    Raises
    ------
    CheckpointError
        If the sequence models were trained on other 2D checkpoints.
    IchError
        If the predictions of the test set do not hold, or have other views.
    """
    records = test_records(resources, backbones)
    chosen: dict[str, list[str]] = {backbone.name: [] for backbone in backbones}
    for backbone in backbones:
        for fold in range(FOLDS):
            record = records.get(partition_of(backbone, fold))
            if record is None:
                raise IchError(
                    f"{partition_of(backbone, fold)} has not predicted the test set",
                    remedy="run ich_submission, which makes what is missing",
                    code="STALE",
                )
            chosen[backbone.name].append(record.content.checkpoint)
            if record.content.views != abouts[0].views:
                raise IchError(
                    f"the sequence models know the views {abouts[0].views}, and the test set was "
                    f"predicted with {record.content.views}",
                    remedy="set training.tta as it was, or train the sequence models again",
                )
    folder = files[0].path.parent
    require_fits_together(abouts, chosen, folder)
    if len({about.oof_table for about in abouts}) > 1:
        raise CheckpointError(
            "the folds of the sequence models were trained on different predictions",
            path=folder,
            remedy="run ich_sequence, which trains what does not hold",
        )
    return [BACKBONES[name] for name in abouts[0].backbones]
