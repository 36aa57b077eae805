"""Whose a file is, as a keyed hash. Training alone asks; scoring never reads PatientID."""

from collections.abc import Sequence
from pathlib import Path

from ich_resources.children import asking_threads
from ich_resources.dicom.bounded import READERS, patient_in_child
from ich_resources.dicom.elements import value_of
from ich_resources.dicom.limits import LARGEST_FILE
from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset
from ich_resources.dicom.walk import DeepError, is_plain
from ich_resources.digests import patient_key
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason
from ich_resources.series import SeriesRecord


def patient_keys(series: Sequence[SeriesRecord], key: bytes, *, threads: int) -> dict[str, str]:
    """Return the keyed hash of the patient of each series.

    Parameters
    ----------
    series : sequence of SeriesRecord
        From the ledger. One admitted file of each is read.
    key : bytes
        The secret key of the training root.
    threads : int
        Number of files to read at the same time.

    Returns
    -------
    dict of str to str
        By SeriesInstanceUID; empty where no file has a PatientID that can be read.
    """

    def of(item: SeriesRecord) -> str:
        first = next((s for s in item.slices if s.judgement is None), None)
        return patient_of(Path(item.input_dir, first.path), key) if first else ""

    with asking_threads(READERS, threads) as pool:
        keys = list(pool.map(of, series))
    return {item.series_instance_uid: k for item, k in zip(series, keys, strict=True)}


def patient_of(location: Path, key: bytes) -> str:
    """Return the keyed hash of the PatientID of a file, which is read as the scan reads it.

    Parameters
    ----------
    location : Path
        The file.
    key : bytes
        The secret key of the training root.

    Returns
    -------
    str
        See ``digests.patient_key``; empty where the file has no PatientID or cannot be read.
    """
    try:
        large = location.stat().st_size > LARGEST_FILE
        if not large and is_plain(location.read_bytes()):
            return patient_here(location, key)
        return patient_in_child(location, key)
    except (DicomError, DeepError, OSError):
        return ""  # its decoding names the fault


def patient_here(location: Path, key: bytes) -> str:
    """Return the keyed hash of the PatientID of a file.

    The identifier itself does not leave this function. A file that may be hostile belongs into a
    child process (``bounded.patient_in_child``).

    Parameters
    ----------
    location : Path
        The file.
    key : bytes
        The secret key of the training root.

    Returns
    -------
    str
        See ``digests.patient_key``; empty where the file has no PatientID.

    Raises
    ------
    DicomError
        If the file cannot be read.
    """
    try:
        content = location.read_bytes()
    except OSError as err:
        text = f"the file cannot be read: {err.strerror}"
        raise DicomError(text, path=location, code=Reason.UNREADABLE) from err
    dataset = read_dataset(content, location)
    try:
        patient = str(value_of(dataset, "PatientID") or "").strip()
    except PARSE_ERRORS:
        patient = ""
    return patient_key(key, patient) if patient else ""
