"""The labelled slices and their folds, read once per process, and cut for one fold."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ich_resources.dataset.fold_table import read_folds
from ich_resources.dataset.table import read_slices
from ich_resources.digests import fingerprint
from ich_resources.errors import DatasetError
from ich_resources.labels import LabelledSlices
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.training.recipe import GroupBy
from ich_resources.training.slices import TrainingSlices

_REMEDY = "materialise labelled_slices and folds (the job ich_dataset makes both)"


@dataclass(frozen=True)
class DataSet:
    """The labelled slices with the fold of each.

    Attributes
    ----------
    slices : LabelledSlices
        Ordered by series and index.
    fold_of : int64 array, shape (n,)
        The fold that holds a slice out.
    folds_version : str
        Data version of the list of folds.
    """

    slices: LabelledSlices
    fold_of: npt.NDArray[np.int64]
    folds_version: str

    def rows(self, fold: int) -> npt.NDArray[np.int64]:
        """Return the rows that a fold holds out.

        Parameters
        ----------
        fold : int
            A value of ``fold_of``.

        Returns
        -------
        int64 array, shape (m,)
            Indices into ``slices``, rising; m slices are held out.
        """
        return np.flatnonzero(self.fold_of == fold)

    def study_folds(self) -> dict[str, int]:
        """Return the fold of each study."""
        return dict(zip(self.slices.studies, self.fold_of.tolist(), strict=True))

    def cut(self, fold: int, group_by: GroupBy) -> tuple[TrainingSlices, TrainingSlices]:
        """Return the slices that a fold is trained on, and those that it holds out.

        Parameters
        ----------
        fold : int
            The fold.
        group_by : {"series", "study"}
            What neighbours are taken from.

        Raises
        ------
        DatasetError
            If one of the two is empty.
        """
        trained_on, held_out = np.flatnonzero(self.fold_of != fold), self.rows(fold)
        if not len(trained_on) or not len(held_out):
            raise DatasetError(
                f"fold {fold} has {len(held_out)} slices, and all others have {len(trained_on)}",
                remedy="take more patients: every fold needs some",
            )
        return (
            training_slices(self.slices, trained_on, group_by),
            training_slices(self.slices, held_out, group_by),
        )


def training_slices(
    slices: LabelledSlices, rows: npt.NDArray[np.int64], group_by: GroupBy
) -> TrainingSlices:
    """Return some of the labelled slices as a training takes them.

    Parameters
    ----------
    slices : LabelledSlices
        All of them.
    rows : int64 array
        Those that are wanted: whole series, in order.
    group_by : {"series", "study"}
        With ``study`` the slices of all series of a study are ordered by their position, as the
        reference does it.
    """
    groups = slices.series
    if group_by == "study":
        groups = slices.studies
        first: dict[str, int] = {}
        for row in rows.tolist():
            first.setdefault(groups[row], len(first))
        places = np.array([first[groups[row]] for row in rows.tolist()])
        order = np.lexsort((slices.positions[rows], places))
        rows = rows[order]
    wanted = rows.tolist()
    return TrainingSlices(
        tuple(slices.slices[row] for row in wanted),
        tuple(groups[row] for row in wanted),
        tuple(slices.images[row] for row in wanted),
        slices.labels[rows],
    )


def data_set(layout: TrainingLayout) -> DataSet:
    """Return the labelled slices of a training root and their folds.

    Raises
    ------
    DatasetError
        If a table is missing or damaged, or a patient has no fold.
    """
    return _data_set(layout.train_root, _state(layout.slices), _state(layout.folds))


def test_set(layout: TrainingLayout) -> LabelledSlices:
    """Return the slices of the test set.

    Raises
    ------
    DatasetError
        If its table is missing or damaged.
    """
    return _test_set(layout.train_root, _state(layout.test_slices))


def _state(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as err:
        raise DatasetError(
            f"the table cannot be read: {err.strerror}", path=path, remedy=_REMEDY
        ) from err
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


@lru_cache(maxsize=1)
def _data_set(root: Path, _slices: object, _folds: object) -> DataSet:
    layout = TrainingLayout(root)
    slices, folds = read_slices(layout.slices, root), read_folds(layout.folds)
    try:
        fold_of = folds.of(slices.patients)
    except KeyError as err:
        raise DatasetError(
            "a patient of the labelled slices is in no fold: the list of folds is of other studies",
            path=layout.folds,
            remedy="materialise folds again",
        ) from err
    return DataSet(slices, fold_of, fingerprint(dict(folds.patient_to_fold)))


@lru_cache(maxsize=1)
def _test_set(root: Path, _slices: object) -> LabelledSlices:
    return read_slices(TrainingLayout(root).test_slices, root)
