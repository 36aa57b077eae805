"""Kaggle's tables ``ID,Label``: six rows an image, read and written.

An ID is ``ID_<9 hex>_<class>``; the class follows the last underscore.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ich_resources.dataset.text_table import raise_row, read_table
from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Labels, SliceLabels
from ich_resources.plain_text import cell, one_line

HEADER = ("ID", "Label")
Order = Literal["slice", "class"]
"""Whether the six rows of an image follow each other, or all rows of a class."""
_AGAIN = "download the file again, or mend it: it must have six rows for each image"


@dataclass(frozen=True)
class KaggleRows:
    """The rows of a file in their order: a sample submission says which are asked for.

    Attributes
    ----------
    slices : tuple of str
        The images in the order in which they first occur.
    rows : int array, shape (n, 2)
        For each row, the number of its image and the number of its class.
    labels : tuple of str
        The text of each row.
    """

    slices: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    labels: tuple[str, ...]


def read_rows(path: Path) -> KaggleRows:
    """Read a file ``ID,Label`` row by row; its labels are any texts.

    Parameters
    ----------
    path : Path
        A file of labels, or a sample submission.

    Raises
    ------
    DatasetError
        If it is not such a file, or an ID has no class.
    """
    table = read_table(path, "see docs/training.md: the header is ID,Label")
    if tuple(table.columns) != HEADER:
        raise DatasetError("the header is not ID,Label", path=path, remedy=_AGAIN)
    parts = [text.rpartition("_") for text in table["ID"].tolist()]
    number = {name: index for index, name in enumerate(CLASSES)}
    classes = [number.get(name, -1) for _, _, name in parts]
    nameless = next(
        (r for r, (p, c) in enumerate(zip(parts, classes, strict=True)) if c < 0 or not p[0]), None
    )
    if nameless is not None:
        raise_row("the ID does not end in an underscore and one of the classes", nameless, path)
    codes, images = pd.factorize(pd.Series([image for image, _, _ in parts], dtype=object))
    rows = np.stack([codes.astype(np.int64), np.array(classes, np.int64)], 1)
    return KaggleRows(tuple(map(str, images)), rows, tuple(table["Label"].tolist()))


def read_kaggle(path: Path) -> Labels:
    """Read labels in Kaggle's form. Rows that repeat an equal row are left out and counted.

    Parameters
    ----------
    path : Path
        For example ``stage_2_train.csv``.

    Raises
    ------
    DatasetError
        If two rows of an image contradict each other, or an image has fewer than six classes; the
        error names the image. If a label is neither 0 nor 1.
    """
    found = read_rows(path)
    unknown = next((r for r, t in enumerate(found.labels) if t not in ("0", "1")), None)
    if unknown is not None:
        raise_row("Label is neither 0 nor 1", unknown, path)
    labels = np.array([text == "1" for text in found.labels], np.float32)
    images, classes = found.rows[:, 0], found.rows[:, 1]
    values = np.full((len(found.slices), len(CLASSES)), np.nan, np.float32)
    values[images, classes] = labels
    different = np.flatnonzero(values[images, classes] != labels)
    if len(different):
        name = f"{found.slices[images[different[0]]]}_{CLASSES[classes[different[0]]]}"
        raise DatasetError(
            f"two rows of {one_line(name)} contradict each other",
            path=path,
            remedy="remove the wrong row",
        )
    short = np.flatnonzero(np.isnan(values).any(axis=1))
    if len(short):
        raise DatasetError(
            f"{len(short)} images have fewer than six rows, the first is "
            f"{one_line(found.slices[short[0]])}",
            path=path,
            remedy=_AGAIN,
        )
    repeated = len(labels) - values.size
    return Labels("slice", found.slices, values, format="kaggle", duplicates=repeated)


def kaggle_bytes(labels: SliceLabels, order: Order = "slice") -> bytes:
    """Return labels in Kaggle's form.

    Parameters
    ----------
    labels : SliceLabels
        Each class of each slice is 0 or 1.
    order : {"slice", "class"}
        Order of the rows. The images keep their order in both.

    Raises
    ------
    ValueError
        If a label is NaN: the form has no room for a class that was not read.
    """
    if np.isnan(labels.values).any():
        raise ValueError("Kaggle's form has no room for a class that was not read")
    texts = [["1" if value else "0" for value in row] for row in labels.values.tolist()]
    return rows_bytes(labels.ids, texts, order)


def rows_bytes(ids: tuple[str, ...], texts: list[list[str]], order: Order) -> bytes:
    """Return a table ``ID,Label`` of any six texts an image: labels, or probabilities.

    Parameters
    ----------
    ids : tuple of str
        The images.
    texts : list of list of str
        Six texts for each image, in the order of ``hemorrhage.CLASSES``.
    order : {"slice", "class"}
        Order of the rows. A submission is grouped by class.
    """
    pairs = [(i, c) for i in range(len(ids)) for c in range(len(CLASSES))]
    if order == "class":
        pairs.sort(key=lambda pair: pair[1])
    names = [cell(name) for name in ids]
    lines = [f"{names[i]}_{CLASSES[c]},{texts[i][c]}\n" for i, c in pairs]
    return "".join(["ID,Label\n", *lines]).encode()
