"""What sequence models need of the data set: asked before the 2D networks are trained for hours."""

import numpy as np
import numpy.typing as npt

from ich_assets.learning.data_set import data_set
from ich_assets.learning.resources import LearningResources
from ich_resources.backbones.table import FOLDS, Backbone
from ich_resources.errors import DatasetError


def require_positions(positions: npt.NDArray[np.float64]) -> None:
    """Check that the position of every slice is known.

    Parameters
    ----------
    positions : float64 array, shape (n,)
        In mm; NaN where it is not known.

    Raises
    ------
    DatasetError
        If one is not.
    """
    unknown = int(np.isnan(positions).sum())
    if unknown:
        raise DatasetError(
            f"the position of {unknown} slices is not known, and sequence models need the distances"
            " of slices",
            remedy="take files with ImagePositionPatient, or leave the sequence models out",
        )


def require_sequence_data(resources: LearningResources, backbone: Backbone) -> None:
    """Check that the data set is enough for the sequence models of all folds.

    Parameters
    ----------
    resources : LearningResources
        The training root, and the settings of both trainings.
    backbone : Backbone
        Its recipe says what a sequence is: a series or a study.

    Raises
    ------
    DatasetError
        If the position of a slice is not known.
    IchError
        If a fold leaves fewer series for training than one batch.
    """
    from ich_resources.sequence.samples import require_enough

    data, recipe = data_set(resources.train_root.layout), resources.sequence.recipe(0)
    require_positions(data.slices.positions)
    by_study = resources.training.recipe(backbone, 0).group_by == "study"
    names = data.slices.studies if by_study else data.slices.series
    labelled = ~np.isnan(data.slices.labels).all(1)
    fold_of = {names[row]: int(data.fold_of[row]) for row in np.flatnonzero(labelled).tolist()}
    held_out = np.bincount(list(fold_of.values()), minlength=FOLDS).max()
    if recipe.sequence_folds == "kfold48":
        held_out = -(-len(fold_of) // FOLDS)
    require_enough(len(fold_of) - int(held_out), recipe.batch_size)
