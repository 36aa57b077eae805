"""Where the predictions of a fold lie, and how they are read."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ich_assets.learning.resources import LearningResources
from ich_assets.training_partitions import partition_of
from ich_resources.backbones.table import Backbone
from ich_resources.steps import OOF_PREDICTIONS, TEST_PREDICTIONS
from ich_resources.storage.arrays import read_array
from ich_resources.storage.oof import FloatArray, read_order, read_probabilities
from ich_resources.storage.training_schemas import Kind, fold_table_start, merged_table_start

STEPS: dict[Kind, str] = {"oof": OOF_PREDICTIONS, "test": TEST_PREDICTIONS}


def merged_path(resources: LearningResources, backbone: Backbone, kind: Kind) -> Path:
    """Return the path of the reference's table of all folds of a backbone.

    Parameters
    ----------
    resources : LearningResources
        The training root, and the number of views, which is part of the name.
    backbone : Backbone
        The network.
    kind : {"oof", "test"}
        Predictions out of fold, or of the test set.
    """
    count = resources.training.views(resources.training.recipe(backbone, 0)).views
    folder = resources.train_root.layout.single_model_output(backbone)
    return folder / f"{merged_table_start(kind)}{count}.csv"


def single_model_path(
    resources: LearningResources, backbone: Backbone, fold: int, kind: Kind
) -> Path:
    """Return the path of the reference's table of one fold.

    Parameters
    ----------
    resources : LearningResources
        The training root, and the number of views, which is part of the name.
    backbone, fold
        The network.
    kind : {"oof", "test"}
        Predictions out of fold, or of the test set.
    """
    count = resources.training.views(resources.training.recipe(backbone, fold)).views
    folder = resources.train_root.layout.single_model_output(backbone)
    return folder / f"{fold_table_start(kind, fold)}{count}.csv"


def read_fold(
    resources: LearningResources, kind: Kind, backbone: Backbone, fold: int
) -> tuple[list[str], FloatArray]:
    """Return the slices and the probabilities of one fold.

    Parameters
    ----------
    resources : LearningResources
        Only the training root counts.
    kind : {"oof", "test"}
        Predictions out of fold, or of the test set.
    backbone, fold
        The network.

    Returns
    -------
    slices : list of str
        Identifiers, in the order of the rows.
    probabilities : float32 array, shape (n, 6)
        0..1.

    Raises
    ------
    StorageError
        If they are missing or damaged.
    """
    layout = resources.train_root.layout
    files = layout.oof(backbone, fold) if kind == "oof" else layout.test(backbone, fold)
    remedy = f"materialise {STEPS[kind]} for {partition_of(backbone, fold)} again"
    order = read_order(files.order, remedy)
    return order["slice"].tolist(), read_probabilities(files.probabilities, len(order), remedy)


def read_features(
    resources: LearningResources, kind: Kind, backbone: Backbone, fold: int
) -> tuple[list[str], npt.NDArray[np.float16]]:
    """Return the slices and the features of one fold.

    Parameters
    ----------
    resources : LearningResources
        Only the training root counts.
    kind : {"oof", "test"}
        Predictions out of fold, or of the test set.
    backbone, fold
        The network.

    Returns
    -------
    slices : list of str
        Identifiers, in the order of the rows.
    features : float16 array, shape (n, C)
        Pooled features. Mapped from disk, so read-only.

    Raises
    ------
    StorageError
        If they are missing or damaged.
    """
    layout = resources.train_root.layout
    files = layout.oof(backbone, fold) if kind == "oof" else layout.test(backbone, fold)
    remedy = f"materialise {STEPS[kind]} for {partition_of(backbone, fold)} again"
    order = read_order(files.order, remedy)
    features = read_array(files.features, remedy=remedy, mapped=True)
    return order["slice"].tolist(), features
