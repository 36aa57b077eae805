"""The table of labelled slices and the list of folds: written whole, read with their version.

Beside a table ``slices.csv`` stands ``slices.sha256`` with the digest of each image, in the form
that ``sha256sum -c`` reads (in the folder of the training root). Both make the data version.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ich_resources.dataset.text_table import label_values, read_table, require_ids
from ich_resources.digests import bytes_sha256, file_sha256, fingerprint
from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Folds, LabelledSlices
from ich_resources.plain_text import cell
from ich_resources.whole_files import write_whole

COLUMNS = (
    "slice",
    "series",
    "study",
    "patient",
    "position",
    "index",
    "n",
    *CLASSES,
    "state",
    "png",
)
"""Columns of ``slices.csv``, a row for each slice, by series and then index."""
FOLD_COLUMNS = ("patient", "fold")
"""Columns of ``folds.csv``."""
_REMEDY = "run ich_dataset again, which writes slices.csv and folds.csv"


def digests_path(path: Path) -> Path:
    """Return the list of the images' digests that belongs to a table of slices."""
    return path.with_suffix(".sha256")


def slices_bytes(slices: LabelledSlices, root: Path) -> bytes:
    """Return a table of slices as CSV.

    Parameters
    ----------
    slices : LabelledSlices
        Its images lie below ``root``.
    root : Path
        The training root.

    Raises
    ------
    ValueError
        If an image does not lie below the training root.
    """
    lengths = pd.Series(slices.series, dtype=object).value_counts()
    labels = [["" if np.isnan(v) else str(int(v)) for v in row] for row in slices.labels.tolist()]
    columns: dict[str, Sequence[object]] = {
        "slice": [cell(text) for text in slices.slices],
        "series": [cell(text) for text in slices.series],
        "study": [cell(text) for text in slices.studies],
        "patient": [cell(text) for text in slices.patients],
        "position": ["" if np.isnan(p) else repr(p) for p in slices.positions.tolist()],
        "index": slices.indices.tolist(),
        "n": [int(lengths[name]) for name in slices.series],
        **{name: [row[number] for row in labels] for number, name in enumerate(CLASSES)},
        "state": [_state(row) for row in labels],
        "png": [path.relative_to(root).as_posix() for path in slices.images],
    }
    table = pd.DataFrame(columns, columns=list(COLUMNS))
    return table.to_csv(index=False, lineterminator="\n").encode()


def _state(labels: Sequence[str]) -> str:
    """Return whether all classes of a slice were read, some, or none."""
    known = sum(text != "" for text in labels)
    return "labelled" if known == len(labels) else "partly" if known else "unlabelled"


def digests_bytes(slices: LabelledSlices, root: Path, digests: Sequence[str]) -> bytes:
    """Return the list of the images' digests.

    Parameters
    ----------
    slices : LabelledSlices
        Its images lie below ``root``.
    root : Path
        The training root.
    digests : sequence of str
        SHA-256 of each image, hexadecimal.
    """
    names = (path.relative_to(root).as_posix() for path in slices.images)
    lines = (f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
    return "".join(lines).encode()


def folds_bytes(rows: Sequence[tuple[str, int]]) -> bytes:
    """Return the list of folds as CSV.

    Parameters
    ----------
    rows : sequence of (str, int)
        Patient key and fold. A patient of two folds would have two rows; the check
        ``patients_in_one_fold`` reports it, and no training reads such a list.
    """
    lines = [f"{cell(patient)},{fold}\n" for patient, fold in sorted(rows)]
    return "".join([",".join(FOLD_COLUMNS), "\n", *lines]).encode()


def table_version(table: bytes, digests: bytes) -> str:
    """Return the data version of a table of slices.

    Parameters
    ----------
    table : bytes
        ``slices.csv``.
    digests : bytes
        ``slices.sha256``; empty where there is none.
    """
    return _version(bytes_sha256(table), bytes_sha256(digests))


def _version(table: str, digests: str) -> str:
    return fingerprint({"table": table, "images": digests})


def write_dataset(
    slices_path: Path, folds_path: Path, root: Path, slices: LabelledSlices, folds: Folds
) -> str:
    """Write a data set whose images are on disk already; return its data version.

    For data sets that do not come from DICOM files, such as phantoms.

    Parameters
    ----------
    slices_path, folds_path : Path
        ``TrainingLayout.slices`` and ``TrainingLayout.folds``.
    root : Path
        The training root. The images lie below it.
    slices : LabelledSlices
        The slices. Its ``version`` is not used.
    folds : Folds
        A fold for each patient.

    Raises
    ------
    KeyError
        If a patient has no fold.
    OSError
        If an image cannot be read, or a file cannot be written.
    """
    folds.of(slices.patients)
    table = slices_bytes(slices, root)
    digests = digests_bytes(slices, root, [file_sha256(path) for path in slices.images])
    name = f".part-dataset-{os.getpid()}"
    write_whole(digests_path(slices_path), digests, name, durable=True)
    write_whole(slices_path, table, name, durable=True)
    rows = list(folds.patient_to_fold.items())
    write_whole(folds_path, folds_bytes(rows), name, durable=True)
    return table_version(table, digests)


def read_slices(path: Path, root: Path) -> LabelledSlices:
    """Read a table of slices.

    Parameters
    ----------
    path : Path
        ``slices.csv``, or that of the test set, whose labels are all empty.
    root : Path
        The training root; the images lie below it. They are not looked at.

    Raises
    ------
    DatasetError
        If the table is missing, damaged, or names an image that does not lie below the root.
    """
    table = read_table(path, _REMEDY)
    if tuple(table.columns) != COLUMNS:
        raise DatasetError("the columns are others", path=path, remedy=_REMEDY)
    images = [PurePosixPath(text) for text in table["png"].tolist()]
    if any(image.is_absolute() or ".." in image.parts or not image.parts for image in images):
        raise DatasetError(
            "the table names an image outside of TRAIN_ROOT", path=path, remedy=_REMEDY
        )
    digests = digests_path(path)
    try:
        return LabelledSlices(
            slices=tuple(require_ids(table, "slice", path)),
            series=tuple(table["series"].tolist()),
            studies=tuple(table["study"].tolist()),
            patients=tuple(table["patient"].tolist()),
            indices=np.array([int(text) for text in table["index"].tolist()], np.int64),
            positions=np.array([float(text or "nan") for text in table["position"].tolist()]),
            labels=np.stack([label_values(table, name, path) for name in CLASSES], 1),
            images=tuple(root / image for image in images),
            version=_version(
                file_sha256(path),
                file_sha256(digests) if digests.is_file() else bytes_sha256(b""),
            ),
        )
    except (OSError, ValueError) as err:
        raise DatasetError(f"the table is damaged: {err}", path=path, remedy=_REMEDY) from err


def read_fold_rows(path: Path) -> list[tuple[str, int]]:
    """Read the rows of the list of folds: patient key and fold.

    Parameters
    ----------
    path : Path
        ``folds.csv``.

    Raises
    ------
    DatasetError
        If the file is missing or damaged.
    """
    table = read_table(path, _REMEDY)
    if tuple(table.columns) != FOLD_COLUMNS:
        raise DatasetError("the columns are others", path=path, remedy=_REMEDY)
    try:
        folds = [int(text) for text in table["fold"].tolist()]
    except ValueError as err:
        raise DatasetError("a fold is not a number", path=path, remedy=_REMEDY) from err
    return list(zip(require_ids(table, "patient", path), folds, strict=True))


def read_folds(path: Path) -> Folds:
    """Read the list of folds.

    Parameters
    ----------
    path : Path
        ``folds.csv``.

    Raises
    ------
    DatasetError
        If the file is missing or damaged, or a patient stands in two folds.
    """
    rows = read_fold_rows(path)
    folds: Mapping[str, int] = dict(rows)
    if any(folds[patient] != fold for patient, fold in rows):
        raise DatasetError(
            "a patient stands in two folds: networks would be judged on what they were trained on",
            path=path,
            remedy="set folds by patient (dataset.folds.source: stratified), and run ich_dataset",
        )
    try:
        return Folds(folds)
    except ValueError as err:
        raise DatasetError(str(err), path=path, remedy=_REMEDY) from err
