"""What a data set is made from: the labels, the series that are used, and whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from ich_assets.learning.found import Found
from ich_assets.learning.images import make_images
from ich_resources.dataset.matching import require_by_slice
from ich_resources.dataset.resource import DatasetResource
from ich_resources.dicom.resource import DicomResource
from ich_resources.errors import DatasetError
from ich_resources.labels import Labels
from ich_resources.storage.resource import TrainRootResource


@dataclass(frozen=True)
class Sources:
    """What the folders and the file of labels hold.

    Attributes
    ----------
    labels : Labels
        From the file of labels.
    found : Found
        The series of the folders, with their images.
    test : Found or None
        Those of the test set; None where there is none.
    key_of : dict of str to str
        What stands for the patient, by StudyInstanceUID.
    by_study : int
        Studies that stand for their patient, which is not known.
    """

    labels: Labels
    found: Found
    test: Found | None
    key_of: dict[str, str]
    by_study: int


def read_sources(
    context: dg.AssetExecutionContext,
    dataset: DatasetResource,
    dicom: DicomResource,
    train_root: TrainRootResource,
) -> Sources:
    """Read all that people have written, and then the folders, whose decoding may take hours.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of the asset ``labelled_slices``.
    dataset : DatasetResource
        Labels, folders and patients.
    dicom : DicomResource
        Reads the folders, and names one where ``dataset`` names none.
    train_root : TrainRootResource
        Where the images are written.

    Raises
    ------
    DatasetError
        If the labels are not by slice, or no slice of the folders can be used.
    """
    from ich_resources.dicom.patients import patient_keys

    key, groups = train_root.key, dataset.read_groups()
    labels, _ = dataset.read_labels(), dataset.fold_lists
    require_by_slice(labels)
    for note in labels.notes:
        context.log.warning(note)
    folders = list(map(Path, dataset.folders)) or [dicom.folder]
    found = _found(context, folders, dataset, dicom, train_root)
    pairs = [(s.study_instance_uid, s.series_instance_uid) for s in found.used]
    by_header = dataset.patient_source == "hash"
    hashed = patient_keys(found.used, key, threads=dicom.threads) if by_header else {}
    patients = dataset.patients(pairs, groups, hashed, key)
    test = None
    if dataset.test_folders:
        test = _found(context, list(map(Path, dataset.test_folders)), dataset, dicom, train_root)
    return Sources(labels, found, test, dict(patients.key_of), len(patients.by_study))


def _found(
    context: dg.AssetExecutionContext,
    folders: Sequence[Path],
    dataset: DatasetResource,
    dicom: DicomResource,
    train_root: TrainRootResource,
) -> Found:
    """Scan some folders and make the images of their series.

    Raises
    ------
    DatasetError
        If no slice of them can be used.
    """
    context.log.info(f"Reading {', '.join(map(str, folders))}")
    ledger = dicom.scan_folders([folder.expanduser().absolute() for folder in folders])
    series = [item for item in ledger.series if item.count("admitted")]
    slices = sum(item.count("admitted") for item in series)
    context.log.info(
        f"Found {len(ledger.series)} series: {len(series)} to use ({slices} slices); files in no "
        f"series: {len(ledger.unassigned)}"
    )
    images = make_images(
        series, dicom, train_root, dataset.decoding_processes, lambda line: context.log.info(line)
    )
    found = Found(ledger, images)
    if not found.used:
        raise DatasetError(
            f"none of the {len(ledger.series)} series can be used",
            path=folders[0],
            remedy="run ich_batch on the folder; its series_ledger.csv says why",
        )
    return found
