"""The folds of the sequence models: those of the 2D networks, or the reference's."""

import numpy as np
import numpy.typing as npt

from ich_resources.backbones.table import FOLDS

_SEED = 48


def kfold48(series: int) -> npt.NDArray[np.int64]:
    """Return the fold of each series as the reference has it: five parts of a shuffle, seed 48.

    Parameters
    ----------
    series : int
        Number of series, in file order.

    Returns
    -------
    int64 array, shape (series,)
        As scikit-learn's ``KFold(5, shuffle=True, random_state=48)``.
    """
    order = np.arange(series)
    np.random.RandomState(_SEED).shuffle(order)
    folds = np.empty(series, np.int64)
    for fold, part in enumerate(np.array_split(order, FOLDS)):
        folds[part] = fold
    return folds
