"""The patients of the demo: heads that no network was trained on, as DICOM, with their labels.

The same arguments give the same bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ich_resources.demo.axial import Acquisition, write_slices
from ich_resources.demo.headers import uid
from ich_resources.demo.patients import Patient, draw_patient, heights_of, volume_of
from ich_resources.demo.plane import HEAD_HEIGHT
from ich_resources.hemorrhage import CLASSES

BLEEDING: tuple[tuple[str, ...], ...] = (
    ("epidural",),
    ("intraparenchymal",),
    ("intraventricular",),
    ("subarachnoid",),
    ("subdural",),
)
"""Kinds of bleeds of the patients that bleed; as many patients again do not."""
AT_LEAST_ML = 10.0
"""Smallest volume of blood of a patient that bleeds, in ml."""
FIRST_SEED = 90_000
"""Seed of the first patient of the demo: far from the seeds that networks are trained on."""
SLICES, SIZE = 12, 256
"""Slices of a series, and their rows and columns."""
LABELS_HEADER = ("SOPInstanceUID", *CLASSES, "patient")


@dataclass(frozen=True)
class WrittenSeries:
    """A series of a patient on disk.

    Attributes
    ----------
    patient : str
        PatientID.
    series : str
        SeriesInstanceUID.
    slices : tuple of str
        SOPInstanceUIDs, from the skull base to the vertex.
    labels : float32 array, shape (n, 6)
        1 or 0 in the order of ``hemorrhage.CLASSES``.
    """

    patient: str
    series: str
    slices: tuple[str, ...]
    labels: npt.NDArray[np.float32]

    @property
    def bleeds(self) -> bool:
        """Whether a slice of it is positive."""
        return bool(self.labels.any())


def draw_cohort(first_seed: int = FIRST_SEED) -> list[Patient]:
    """Draw the patients of the demo, bleeding ones and others in turn.

    Parameters
    ----------
    first_seed : int
        Seed of the first; the others have the next ones.
    """
    kinds: Sequence[tuple[str, ...]] = [kind for one in BLEEDING for kind in (one, ())]
    return [
        draw_patient(first_seed + number, kind, at_least_ml=AT_LEAST_ML)
        for number, kind in enumerate(kinds)
    ]


def study_uid(seed: int) -> str:
    """Return the StudyInstanceUID of a patient."""
    return uid(_study(seed))


def _study(seed: int) -> str:
    return f"phantom {seed}"


def write_patient(
    folder: Path, patient: Patient, *, slices: int = SLICES, size: int = SIZE
) -> WrittenSeries:
    """Write one patient as a study with one axial series.

    Parameters
    ----------
    folder : Path
        Folder of the series. It is made if it is missing.
    patient : Patient
        The patient. Its seed is part of the PatientID, and the UIDs depend on it.
    slices : int
        Number of slices. They cover the whole head.
    size : int
        Rows and columns.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    hu, labels = volume_of(patient, heights_of(patient, slices), size)
    study, number = _study(patient.seed), f"PHANTOM-{patient.seed}"
    acquisition = Acquisition(spacing=HEAD_HEIGHT / slices, description="Head H31s phantom")
    write_slices(
        folder, list(hu), name="head", study=study, acquisition=acquisition, patient=number
    )
    instances = tuple(uid(study, "head", slices - k) for k in range(slices))
    return WrittenSeries(number, uid(study, "head"), instances, labels)


def write_cohort(folder: Path, patients: Iterable[Patient]) -> list[WrittenSeries]:
    """Write patients below a folder as a PACS exports them: ``DICOM/PA000001/ST000000/SE000000``.

    Parameters
    ----------
    folder : Path
        Gets the folder ``DICOM``.
    patients : iterable of Patient
        The patients.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    return [
        write_patient(Path(folder) / "DICOM" / f"PA{number:06d}" / "ST000000" / "SE000000", patient)
        for number, patient in enumerate(patients, 1)
    ]


def labels_csv(written: Iterable[WrittenSeries]) -> str:
    """Return the labels of slices as a table that the job ``ich_evaluate`` reads.

    Parameters
    ----------
    written : iterable of WrittenSeries
        The series.

    Returns
    -------
    str
        CSV: SOPInstanceUID, the six classes (0 or 1), patient.
    """
    rows = [
        ",".join([instance, *(f"{value:.0f}" for value in values), series.patient])
        for series in written
        for instance, values in zip(series.slices, series.labels, strict=True)
    ]
    return "\n".join([",".join(LABELS_HEADER), *rows, ""])
