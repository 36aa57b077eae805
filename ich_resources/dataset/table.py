"""The table of labelled slices and the list of folds: written whole, read with their version.

Beside a table ``slices.csv`` stands ``slices.sha256`` with the digest of each image, in the form
that ``sha256sum -c`` reads (in the folder of the training root). Both make the data version.
"""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ich_resources.dataset.fold_table import REMEDY, folds_bytes
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
    table = read_table(path, REMEDY)
    if tuple(table.columns) != COLUMNS:
        raise DatasetError("the columns are others", path=path, remedy=REMEDY)
    images = [PurePosixPath(text) for text in table["png"].tolist()]
    if any(image.is_absolute() or ".." in image.parts or not image.parts for image in images):
        raise DatasetError(
            "the table names an image outside of TRAIN_ROOT", path=path, remedy=REMEDY
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
        raise DatasetError(f"the table is damaged: {err}", path=path, remedy=REMEDY) from err
