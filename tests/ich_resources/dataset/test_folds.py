from pathlib import Path

import numpy as np
import pytest

from ich_resources.dataset.folds import (
    in_several_folds,
    listed_folds,
    positives,
    strata,
    stratified_folds,
)
from ich_resources.digests import patient_key
from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Folds, LabelledSlices


def slices_of(rows, key=b"k", order=None):
    """One slice for each (study, patient, classes); rows in another order on request."""
    rows = [rows[i] for i in (order if order is not None else range(len(rows)))]
    labels = np.zeros((len(rows), 6), np.float32)
    for number, (_, _, classes) in enumerate(rows):
        for name in classes:
            labels[number, CLASSES.index(name)] = labels[number, 0] = 1
    return LabelledSlices(
        slices=tuple(f"s{study}" for study, _, _ in rows),
        series=tuple(f"r{study}" for study, _, _ in rows),
        studies=tuple(study for study, _, _ in rows),
        patients=tuple(patient_key(key, patient) for _, patient, _ in rows),
        indices=np.zeros(len(rows), np.int64),
        positions=np.zeros(len(rows)),
        labels=labels,
        images=(Path("x.png"),) * len(rows),
        version="",
    )


def many(patients=2000, seed=0):
    """Patients of 1 to 3 studies; 1.5 % of them with epidural, 30 % with subdural bleeds."""
    random = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        for study in range(random.integers(1, 4)):
            kinds = ["epidural"] if patient % 67 == 0 and study == 0 else []
            kinds += ["subdural"] if random.random() < 0.3 else []
            rows.append((f"{patient * 10 + study:07d}", f"p{patient}", kinds))
    return rows


def test_the_rarest_bleed_of_a_patient_is_its_stratum():
    rows = [("1", "a", ["subdural"]), ("2", "a", ["epidural", "subdural"]), ("3", "b", [])]
    rows += [("4", "c", ["intraparenchymal", "subarachnoid"]), ("5", "d", ["intraventricular"])]
    slices = slices_of(rows)
    slices.labels[4, 1:] = np.nan  # any alone was read
    found = [strata(slices)[patient_key(b"k", name)] for name in "abcd"]
    assert found == [0, 6, 2, 5]


def test_no_patient_is_in_two_folds_and_the_rarest_bleed_is_in_each_alike():
    slices = slices_of(many())
    folds = stratified_folds(slices)
    fold_of = folds.of(slices.patients)
    assert in_several_folds(slices.patients, fold_of.tolist()) == ()
    epidural = positives(slices.labels, fold_of)["epidural"]
    assert sum(epidural) == 30 and set(epidural) == {6}
    patients = np.bincount(list(folds.patient_to_fold.values()))
    assert patients.sum() == 2000 and patients.max() - patients.min() <= 2


def test_a_slice_wise_split_is_caught():
    slices = slices_of(many(200))
    split = np.random.default_rng(1).integers(0, 5, len(slices.slices)).tolist()
    caught = in_several_folds(slices.patients, split)
    several = {p for p in slices.patients if slices.patients.count(p) > 1}
    assert len(caught) > 50 and set(caught) <= several


def test_order_of_rows_and_keys_are_immaterial():
    rows = many(300)
    order = np.random.default_rng(2).permutation(len(rows)).tolist()

    def by_study(slices):
        fold_of = stratified_folds(slices).of(slices.patients)
        return dict(zip(slices.studies, fold_of.tolist(), strict=True))

    expected = by_study(slices_of(rows))
    assert by_study(slices_of(rows, order=order)) == expected
    assert by_study(slices_of(rows, key=b"another key")) == expected


def test_few_patients():
    with pytest.raises(DatasetError, match="has 4 patients, and 5 folds need at least 5.*-> add"):
        stratified_folds(slices_of([(str(i), f"p{i}", []) for i in range(4)]))
    # Five patients of five strata: each fold has one.
    kinds = CLASSES[1:]
    five = slices_of([(str(i), f"p{i}", [kinds[i]]) for i in range(5)])
    assert sorted(stratified_folds(five).patient_to_fold.values()) == [0, 1, 2, 3, 4]


def lists(folder, trains):
    for fold, names in enumerate(trains):
        path = folder / "fold_5_by_study" / f"fold{fold}" / "train.txt"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(names) + "\n")


def test_lists_by_study_hold_out_what_is_not_in_train(tmp_path):
    slices = slices_of([(str(i), f"p{i}", []) for i in range(5)])
    lists(tmp_path, [[str(i) for i in range(5) if i != fold] for fold in range(5)])
    assert Folds(dict(listed_folds(slices, tmp_path))).of(slices.patients).tolist() == list(
        range(5)
    )


def test_lists_by_image_have_the_names_of_the_reference(tmp_path):
    slices = slices_of([(f"ID_{i}", f"p{i}", []) for i in range(5)])
    for fold in range(5):
        path = tmp_path / "fold_5_by_study_image" / f"fold{fold}" / "val.txt"
        path.parent.mkdir(parents=True)
        path.write_text(f"ID_ID_{fold}.png\n")  # the reference doubles the prefix
    slices = LabelledSlices(
        tuple(f"ID_{i}" for i in range(5)),
        slices.series,
        slices.studies,
        slices.patients,
        slices.indices,
        slices.positions,
        slices.labels,
        slices.images,
        "",
    )
    assert Folds(dict(listed_folds(slices, tmp_path))).of(slices.patients).tolist() == list(
        range(5)
    )


def test_lists_of_other_studies_are_an_error_that_counts_them(tmp_path):
    slices = slices_of([(str(i), f"p{i}", []) for i in range(5)])
    lists(tmp_path, [["0", "1", "x"], ["0", "x"], ["0", "1", "x"], ["1"], ["0", "1"]])
    with pytest.raises(
        DatasetError, match="3 of 5 studies are in no list of folds, the first is 2"
    ):
        listed_folds(slices, tmp_path)
    with pytest.raises(DatasetError, match="the list of a fold cannot be read"):
        listed_folds(slices, tmp_path / "nothing")


def test_a_patient_whose_studies_are_in_two_lists_has_two_rows(tmp_path):
    slices = slices_of([("0", "a", []), ("1", "a", []), ("2", "b", [])])
    lists(tmp_path, [["1", "2"], ["0", "2"], ["0", "1"], ["0", "1", "2"], ["0", "1", "2"]])
    rows = listed_folds(slices, tmp_path)
    key = patient_key(b"k", "a")
    assert sorted(fold for patient, fold in rows if patient == key) == [0, 1]
    assert in_several_folds([p for p, _ in rows], [f for _, f in rows]) == (key,)
