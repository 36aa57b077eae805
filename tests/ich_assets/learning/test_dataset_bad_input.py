"""Data sets that are wrong: one sentence with the remedy each; what was finished stays."""

import copy
import shutil
from pathlib import Path

import dagster as dg
import numpy as np
import pydicom
import pytest
from rsna import CORRUPT, write_rsna

from ich_assets.definitions import defs
from ich_assets.runtime.console import failure_text
from ich_resources.dataset.fold_table import read_folds
from ich_resources.dataset.table import read_slices

pytestmark = pytest.mark.slow


class Trials:
    """The job in this process, with one training root, so that the images are made once."""

    def __init__(self, root: Path) -> None:
        self.root = root / "train"
        self.data = write_rsna(root / "data", root / "scratch")
        self.faults: dict[str, str] = {}

    @property
    def dataset(self) -> Path:
        return self.root / "dataset"

    def run(self, dicom: dict[str, object] | None = None, **fields: object) -> str:
        """Run the job; return the error of its first step that failed, or an empty text."""
        config = {"folders": [str(self.data.train), str(self.data.test)], "processes": 1}
        config |= {"labels": str(self.data.csv)} | fields
        with dg.DagsterInstance.ephemeral() as instance:
            result = defs.resolve_job_def("ich_dataset").execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config={
                    "resources": {
                        "dataset": {"config": config},
                        "dicom": {"config": dicom or {}},
                        "train_root": {"config": {"train_root": str(self.root)}},
                    },
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
        checks = [
            event.asset_check_evaluation_data
            for event in result.all_events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
        self.faults = {c.check_name: c.description or "" for c in checks if not c.passed}
        failed = [event for event in result.all_events if event.is_step_failure]
        return failure_text(failed[0].step_failure_data.error) if failed else ""

    def labels(self, name: str, rows: list[str]) -> str:
        path = self.root.parent / f"{name}.csv"
        path.write_text("\n".join(["ID,Label", *rows, ""]))
        return str(path)


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    made = Trials(tmp_path_factory.mktemp("trials"))
    assert made.run() == ""
    assert set(made.faults) == {"every_class_in_every_fold"}
    return made


def test_run_again_nothing_is_decoded_and_nothing_changes(trials):
    assert trials.run() == ""
    files = [path for path in trials.dataset.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    records = [*trials.root.rglob("dataset_images.json"), *trials.dataset.rglob("*.png")]
    times = {path: path.stat().st_mtime_ns for path in records}
    assert len(times) == 7 + 20
    assert trials.run() == ""
    assert {path: path.read_bytes() for path in files} == before
    assert {path: path.stat().st_mtime_ns for path in records} == times


def test_images_that_cannot_be_written(trials, tmp_path):
    other = copy.copy(trials)
    other.root = tmp_path / "train"
    other.dataset.mkdir(parents=True)
    (other.dataset / "png").write_text("a file where the folder should be")
    assert "cannot write: Not a directory" in other.run()
    assert not (other.dataset / "slices.csv").exists()
    (other.dataset / "png").unlink()
    assert other.run() == ""


def without(rows, *names):
    return [row for row in rows if not row.startswith(names)]


def of(name):
    kinds = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
    return [f"{name}_{kind},0" for kind in kinds]


def test_labels_without_slices_block_above_the_limit(trials):
    rows = [*trials.data.rows(), *of("ID_lost")]
    error = trials.run(labels=trials.labels("lost", rows))
    fault = trials.faults["labels_consistent"]
    assert "labels_consistent" in error
    assert fault.startswith("1 of 22 labels have no slice, and 0 of 20 slices have no labels")
    assert "-> add the missing folders or labels, or raise dataset.max_unmatched" in fault
    listed = (trials.dataset / "unmatched.csv").read_text()
    assert "ID_lost,label without slice,," in listed and f"{CORRUPT},label of a slice" in listed
    assert trials.run(labels=trials.labels("lost", rows), max_unmatched=0.05) == ""


def test_slices_without_labels_block_and_folds_of_other_slices_are_withdrawn(trials):
    assert trials.run() == ""
    assert (trials.dataset / "folds.csv").is_file()
    (name, *_), *_ = trials.data.studies.values()
    error = trials.run(labels=trials.labels("few", without(trials.data.rows(), name)))
    assert "labels_consistent" in error
    assert "1 of 20 slices have no labels" in trials.faults["labels_consistent"]
    assert f"{name},slice without label,," in (trials.dataset / "unmatched.csv").read_text()
    slices = read_slices(trials.dataset / "slices.csv", trials.root)
    assert (~slices.labelled).sum() == 1
    assert not (trials.dataset / "folds.csv").exists()


def test_labels_that_contradict_each_other_name_the_image(trials):
    name = next(iter(trials.data.labels))
    rows = [*trials.data.rows(), f"{name}_any,1"]
    error = trials.run(labels=trials.labels("contradicting", rows))
    assert f"two rows of {name}_any contradict each other" in error and "-> remove" in error


def test_any_against_its_subtypes_blocks(trials):
    name = next(iter(trials.data.labels))
    rows = [*without(trials.data.rows(), name), *of(name)]
    rows[-6] = f"{name}_epidural,1"
    error = trials.run(labels=trials.labels("any", rows))
    assert "label_any_is_max" in error
    fault = trials.faults["label_any_is_max"]
    assert "any is 0 beside a subtype that is 1 in 1 slices" in fault
    assert f"the first is {name} -> mend the labels" in fault


def groups(trials, name, patients):
    path = trials.root.parent / f"{name}.csv"
    lines = [f"{study},{patient}" for study, patient in patients.items()]
    path.write_text("\n".join(["StudyInstanceUID,patient", *lines, ""]))
    return str(path)


def test_fewer_than_five_patients(trials):
    patients = {study: f"person{i % 4}" for i, study in enumerate(trials.data.studies)}
    error = trials.run(groups=groups(trials, "four", patients))
    assert "the data set has 4 patients, and 5 folds need at least 5 -> add patients" in error
    assert (trials.dataset / "slices.csv").is_file()


def test_groups_from_a_file_and_a_study_that_it_lacks(trials):
    patients = {study: f"person{i}" for i, study in enumerate(trials.data.studies)}
    patients.popitem()
    assert trials.run(groups=groups(trials, "some", patients)) == ""
    assert "1 of 7 studies have no known patient" in trials.faults["patients_known"]
    written = [path.read_bytes() for path in trials.root.rglob("*") if path.is_file()]
    assert not [content for content in written if b"person" in content]
    assert trials.run(patient_key="file").startswith("dataset.patient_key is file, and dataset.gro")


def test_each_study_as_a_patient_warns(trials):
    assert trials.run(patient_key="study") == ""
    assert "7 of 7 studies have no known patient" in trials.faults["patients_known"]


def lists(trials, name, fold_of):
    folder = trials.root.parent / name
    for fold in range(5):
        path = folder / "fold_5_by_study" / f"fold{fold}" / "train.txt"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(s for s, held in fold_of.items() if held != fold) + "\n")
    return {"source": "lists", "lists": str(folder)}


def test_lists_by_study_with_a_patient_in_two_folds_block(trials):
    # The first two studies are of one patient.
    fold_of = {study: i % 5 for i, study in enumerate(trials.data.studies)}
    folds = lists(trials, "leaking", fold_of)
    error = trials.run(folds=folds)
    assert "patients_in_one_fold" in error
    fault = trials.faults["patients_in_one_fold"]
    assert fault.startswith("1 of 6 patients are in several folds") and "-> set dataset" in fault
    # No training reads such a list either.
    with pytest.raises(Exception, match="a patient stands in two folds"):
        read_folds(trials.dataset / "folds.csv")
    assert trials.run(folds=folds, patient_key="study") == ""
    folds_read = read_folds(trials.dataset / "folds.csv")
    slices = read_slices(trials.dataset / "slices.csv", trials.root)
    found = dict(zip(slices.studies, folds_read.of(slices.patients).tolist(), strict=True))
    assert found == fold_of


def test_a_split_by_slices_is_caught(trials):
    folder = trials.root.parent / "by_image"
    names = [name for stems in trials.data.studies.values() for name in stems]
    for fold in range(5):
        path = folder / "fold_5_by_study_image" / f"fold{fold}" / "val.txt"
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"ID_{name}.png\n" for name in names[fold::5]))
    error = trials.run(folds={"source": "lists", "lists": str(folder)})
    assert "patients_in_one_fold" in error
    assert trials.faults["patients_in_one_fold"].startswith("6 of 6 patients are in several folds")


def test_lists_of_other_studies(trials):
    fold_of = {f"ID_other{i}": i for i in range(5)}
    error = trials.run(folds=lists(trials, "others", fold_of))
    assert "7 of 7 studies are in no list of folds" in error and "-> give the lists" in error


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": "/none.csv"}, "the file does not exist"),
        ({"folders": ["/none"]}, "the input folder does not exist"),
        ({"folds": {"source": "lists"}}, "dataset.folds.lists is empty"),
    ],
)
def test_what_is_missing_is_named(trials, fields, message):
    assert message in trials.run(**fields)


def test_labels_by_study_cannot_train(trials):
    path = trials.root.parent / "studies.csv"
    path.write_text("StudyInstanceUID,any\nID_study00000,1\n")
    error = trials.run(labels=str(path))
    assert "the labels are by study, and the 2D networks are trained by slice" in error


def test_the_test_set_has_a_table_without_labels(trials):
    data = trials.data
    in_train = {path.stem for path in data.train.iterdir()}
    rows = [row for row in data.rows() if row.rpartition("_")[0] in in_train]
    # Both folders hold series of the two studies of one patient; the rest is as it was.
    error = trials.run(
        folders=[str(data.train)],
        test_folders=[str(data.test)],
        labels=trials.labels("train", rows),
        patient_key="study",
    )
    assert "4 patients" in error  # the folds; the tables are there
    slices = read_slices(trials.dataset / "slices.csv", trials.root)
    tested = read_slices(trials.dataset / "test_slices.csv", trials.root)
    assert set(slices.slices) == in_train
    assert set(tested.slices) == set(data.labels) - in_train - {CORRUPT}
    assert np.isnan(tested.labels).all() and all(path.is_file() for path in tested.images)


def test_values_wrapped_to_12_bits_are_counted_and_mended_on_request(trials):
    data, wrapped = trials.data, trials.root.parent / "wrapped"
    folders = []
    for folder in (data.train, data.test):
        shutil.copytree(folder, wrapped / folder.name)
        folders.append(str(wrapped / folder.name))
    for path in (wrapped / data.train.name).iterdir():
        slice_ = pydicom.dcmread(path, force=True)
        if slice_.StudyInstanceUID == "ID_study00004":
            hu = slice_.pixel_array.astype(np.int64) + int(slice_.RescaleIntercept)
            slice_.PixelData = (np.maximum(hu, -1024) % 4096).astype("<u2").tobytes()
            slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 12, 11, 0
            slice_.RescaleIntercept, slice_.RescaleSlope = 0, 1
            slice_.save_as(path, enforce_file_format=False)
    assert trials.run(folders=folders) == ""
    assert trials.faults["wrapped_12bit"].startswith("3 slices are not used, since their values")
    listed = (trials.dataset / "unmatched.csv").read_text()
    assert listed.count("NOT_HU") == 3
    assert trials.run(folders=folders, dicom={"mend_12bit": True}) == ""
    assert "wrapped_12bit" not in trials.faults
    slices = read_slices(trials.dataset / "slices.csv", trials.root)
    assert slices.studies.count("ID_study00004") == 3


def test_a_study_of_two_patients(trials):
    data, mixed = trials.data, trials.root.parent / "mixed"
    shutil.copytree(data.train, mixed)
    for stem in data.studies["ID_study00006"]:  # two series of one study, of a patient each
        slice_ = pydicom.dcmread(mixed / f"{stem}.dcm", force=True)
        slice_.StudyInstanceUID = "ID_study00004"
        slice_.save_as(mixed / f"{stem}.dcm", enforce_file_format=False)
    error = trials.run(folders=[str(mixed), str(data.test)])
    assert "the series of study ID_study00004 have different PatientIDs" in error
    assert "-> give a CSV file" in error and "ID_patient" not in error
