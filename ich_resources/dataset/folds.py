"""Folds by patient, stratified by the rarest bleed of the patient; or as lists of files say."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.labels import RAREST_FIRST, Folds, LabelledSlices

COUNT = 5
"""Number of folds."""
SEED = 48
"""Seed of the shuffle, as the reference's sequence stage has it."""
_BY_STUDY = "set dataset.patient_key: study to have folds by study, or take stratified folds"


def strata(slices: LabelledSlices) -> dict[str, int]:
    """Return the stratum of each patient: its rarest kind of bleed.

    Parameters
    ----------
    slices : LabelledSlices
        The data set.

    Returns
    -------
    dict of str to int
        0 to 4 for the kinds of ``RAREST_FIRST``, 5 for a bleed of unknown kind, 6 for none.
    """
    order = [CLASSES.index(name) for name in (*RAREST_FIRST, CLASSES[ANY])]
    positive = slices.labels[:, order] == 1
    first = np.where(positive.any(axis=1), positive.argmax(axis=1), len(order))
    found: dict[str, int] = {}
    for patient, stratum in zip(slices.patients, first.tolist(), strict=True):
        found[patient] = min(stratum, found.get(patient, len(order)))
    return found


def stratified_folds(slices: LabelledSlices) -> Folds:
    """Divide the patients into five folds, each with about as many of every stratum.

    The order of the rows has no influence, and neither have the patient keys, which are different
    in every training root: patients are ordered by their first StudyInstanceUID.

    Parameters
    ----------
    slices : LabelledSlices
        The data set.

    Raises
    ------
    DatasetError
        If there are fewer than five patients.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    first_study: dict[str, str] = {}
    for patient, study in zip(slices.patients, slices.studies, strict=True):
        first_study[patient] = min(study, first_study.get(patient, study))
    patients = sorted(first_study, key=lambda patient: first_study[patient])
    if len(patients) < COUNT:
        raise DatasetError(
            f"the data set has {len(patients)} patients, and {COUNT} folds need at least {COUNT}",
            remedy="add patients; where each study is another patient, set dataset.patient_key: "
            "study",
        )
    by_patient = strata(slices)
    kinds = [by_patient[patient] for patient in patients]
    if max(Counter(kinds).values()) < COUNT:
        kinds = [0] * len(kinds)  # no stratum reaches every fold
    folds = StratifiedGroupKFold(COUNT, shuffle=True, random_state=SEED)
    numbers = range(len(patients))  # scikit-learn sorts groups, and keys are different everywhere
    divided: dict[str, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a stratum with fewer than five patients
        for fold, (_, held_out) in enumerate(folds.split(kinds, kinds, groups=numbers)):
            divided.update(dict.fromkeys((patients[row] for row in held_out), fold))
    return Folds(divided, COUNT)


def listed_folds(slices: LabelledSlices, folder: Path) -> list[tuple[str, int]]:
    """Return the folds of the lists that the reference's ``data.zip`` holds.

    Parameters
    ----------
    slices : LabelledSlices
        The data set.
    folder : Path
        Holds ``fold_5_by_study/fold<k>/train.txt`` with a StudyInstanceUID a line, or
        ``fold_5_by_study_image/fold<k>/val.txt`` with the name of a PNG a line.

    Returns
    -------
    list of (str, int)
        Patient key and fold. A patient of two folds has two entries; the check
        ``patients_in_one_fold`` reports it.

    Raises
    ------
    DatasetError
        If a list is missing, or studies of the data set are in no list.
    """
    held_out = _held_out(slices, folder)
    rows = {
        (patient, fold)
        for patient, study in zip(slices.patients, slices.studies, strict=True)
        for fold in held_out.get(study, ())
    }
    missing = sorted(set(slices.studies) - held_out.keys())
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(set(slices.studies))} studies are in no list of folds, the "
            f"first is {missing[0]}",
            path=folder,
            remedy="give the lists of this data set, or set dataset.folds.source: stratified",
        )
    return sorted(rows)


def _held_out(slices: LabelledSlices, folder: Path) -> dict[str, set[int]]:
    """Return the folds that hold out each study of the lists."""
    trains = [folder / "fold_5_by_study" / f"fold{k}" / "train.txt" for k in range(COUNT)]
    if all(path.is_file() for path in trains):
        listed = [set(_lines(path)) for path in trains]
        return {
            study: {fold for fold, names in enumerate(listed) if study not in names}
            for study in set().union(*listed)
        }
    validations = [folder / "fold_5_by_study_image" / f"fold{k}" / "val.txt" for k in range(COUNT)]
    study_of = {
        _stem(name): study for name, study in zip(slices.slices, slices.studies, strict=True)
    }
    found: dict[str, set[int]] = {}
    for fold, path in enumerate(validations):
        for name in _lines(path):
            study = study_of.get(_stem(name.removesuffix(".png")))
            if study is not None:
                found.setdefault(study, set()).add(fold)
    return found


def _stem(name: str) -> str:
    """Return an identifier without the prefix, which the reference doubles in its file names."""
    while name.startswith("ID_"):
        name = name.removeprefix("ID_")
    return name


def _lines(path: Path) -> list[str]:
    """Return the lines of a list.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, UnicodeError) as err:
        raise DatasetError(
            "the list of a fold cannot be read",
            path=path,
            remedy="set dataset.folds.lists to the folder data of the unpacked data.zip",
        ) from err


def in_several_folds(patients: Sequence[str], folds: Sequence[int]) -> tuple[str, ...]:
    """Return the patients that stand in more than one fold.

    Parameters
    ----------
    patients : sequence of str
        Patient key of each row: of a slice, or of the list of folds.
    folds : sequence of int
        Fold of each row.
    """
    found: dict[str, set[int]] = {}
    for patient, fold in zip(patients, folds, strict=True):
        found.setdefault(patient, set()).add(fold)
    return tuple(sorted(patient for patient, several in found.items() if len(several) > 1))


def positives(
    labels: npt.NDArray[np.float32], fold_of: npt.NDArray[np.int64]
) -> Mapping[str, list[int]]:
    """Return the number of positive slices of each class in each fold.

    Parameters
    ----------
    labels : float32 array, shape (n, 6)
        0, 1, or NaN.
    fold_of : int64 array, shape (n,)
        Fold of each row.
    """
    return {
        name: [int((labels[fold_of == fold, number] == 1).sum()) for fold in range(COUNT)]
        for number, name in enumerate(CLASSES)
    }
