"""Labels, patients and folds of a data set as a Dagster resource."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from ich_resources.environment import LABELS, folder
from ich_resources.errors import DatasetError
from ich_resources.labels import Folds, LabelledSlices, Labels

if TYPE_CHECKING:
    from ich_resources.dataset.groups import Patients

PatientSource = Literal["file", "hash", "study"]
MOST_PROCESSES = 16


class FoldsConfig(dg.Config):
    """How the patients are divided into five folds."""

    source: Literal["stratified", "lists"] = Field(
        default="stratified",
        description="stratified: by patient, with about as many of each kind of bleed in every "
        "fold. lists: as the files of the reference's data.zip say.",
    )
    lists: str = Field(
        default="",
        description="For lists: the folder data of the unpacked data.zip. It holds fold_5_by_study "
        "or fold_5_by_study_image.",
    )


class DatasetResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What networks are trained on: folders of DICOM files, labels, patients, folds."""

    folders: list[str] = Field(
        default=[],
        description="Folders of DICOM files to train on, such as stage_2_train; several are read "
        "as one. Empty: the folder of the resource dicom (DICOM_INPUT).",
    )
    test_folders: list[str] = Field(
        default=[], description="Folders of the test set, whose slices have no labels."
    )
    labels: str = Field(
        default="", description="CSV file of labels. Empty: the environment's LABELS."
    )
    label_studies: str = Field(
        default="",
        description="For the labels of CQ500: CSV file with name and StudyInstanceUID.",
    )
    groups: str = Field(
        default="", description="CSV file with StudyInstanceUID and patient, if there is one."
    )
    patient_key: Literal["auto", "file", "hash", "study"] = Field(
        default="auto",
        description="What a patient is known by. file: groups. hash: a keyed hash of PatientID, "
        "which is read for this alone and not kept. study: each study is another patient, so folds "
        "are by study. auto: file where groups is set, else hash.",
    )
    folds: FoldsConfig = Field(
        default=FoldsConfig(), description="How the patients are divided into five folds."
    )
    max_unmatched: float = Field(
        default=0.001,
        ge=0,
        le=1,
        description="Largest share of labels without a slice, or of slices without labels.",
    )
    processes: int | None = Field(
        default=None,
        ge=1,
        description="Number of processes that decode. Empty: one for each core, at most 16.",
    )

    @property
    def decoding_processes(self) -> int:
        """Number of processes that decode."""
        return self.processes or min(len(os.sched_getaffinity(0)), MOST_PROCESSES)

    @property
    def label_file(self) -> Path:
        """The file of labels.

        Raises
        ------
        IchError
            If neither the field nor LABELS is set.
        """
        return folder(self.labels, LABELS, "resources.dataset.config.labels")

    @property
    def patient_source(self) -> PatientSource:
        """What a patient is known by.

        Raises
        ------
        DatasetError
            If it is a file, and ``groups`` is empty.
        """
        if self.patient_key == "auto":
            return "file" if self.groups.strip() else "hash"
        if self.patient_key == "file" and not self.groups.strip():
            raise DatasetError(
                "dataset.patient_key is file, and dataset.groups is empty",
                remedy="set dataset.groups to a CSV file with StudyInstanceUID and patient",
            )
        return self.patient_key

    def read_labels(self) -> Labels:
        """Read the file of labels; see ``labels.read_labels``.

        Raises
        ------
        IchError
            If no file is set.
        DatasetError
            If it cannot be used.
        """
        from ich_resources.dataset.labels import read_labels

        studies = self.label_studies.strip()
        return read_labels(self.label_file, Path(studies).expanduser() if studies else None)

    def read_groups(self) -> dict[str, str]:
        """Read the patient of each study, where a file says it; else return an empty dict.

        Raises
        ------
        DatasetError
            If the file cannot be used.
        """
        from ich_resources.dataset.groups import read_groups

        if self.patient_source != "file":
            return {}
        return read_groups(Path(self.groups.strip()).expanduser())

    @property
    def fold_lists(self) -> Path | None:
        """The folder of the lists of folds; None where folds are stratified.

        Raises
        ------
        DatasetError
            If it is not set.
        """
        if self.folds.source == "stratified":
            return None
        if not self.folds.lists.strip():
            raise DatasetError(
                "dataset.folds.source is lists, and dataset.folds.lists is empty",
                remedy="set it to the folder data of the unpacked data.zip",
            )
        return Path(self.folds.lists.strip()).expanduser()

    def patients(
        self,
        series: Sequence[tuple[str, str]],
        groups: dict[str, str],
        hashed: dict[str, str],
        key: bytes,
    ) -> "Patients":
        """Return the patient of each study; see ``groups``.

        Parameters
        ----------
        series : sequence of (str, str)
            StudyInstanceUID and SeriesInstanceUID of each series.
        groups : dict of str to str
            From ``read_groups``.
        hashed : dict of str to str
            Keyed hash of PatientID by SeriesInstanceUID; empty unless ``patient_source`` is hash.
        key : bytes
            The secret key of the training root.

        Raises
        ------
        DatasetError
            If a study has several patients.
        """
        from ich_resources.dataset.groups import (
            each_study,
            patients_from_file,
            patients_from_headers,
        )

        studies = [study for study, _ in series]
        if self.patient_source == "file":
            return patients_from_file(studies, groups, key)
        if self.patient_source == "study":
            return each_study(studies, key)
        return patients_from_headers(series, hashed, key)

    def fold_rows(self, slices: LabelledSlices) -> list[tuple[str, int]]:
        """Return patient key and fold, a row for each patient; see ``folds``.

        Parameters
        ----------
        slices : LabelledSlices
            The data set.

        Raises
        ------
        DatasetError
            If there are fewer than five patients, or the lists are of other studies.
        """
        from ich_resources.dataset.folds import listed_folds, stratified_folds

        lists = self.fold_lists
        if lists is not None:
            return listed_folds(slices, lists)
        divided: Folds = stratified_folds(slices)
        return sorted(divided.patient_to_fold.items())
