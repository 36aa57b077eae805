"""Labels and slices brought together: those without a partner are counted and listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Labels
from ich_resources.plain_text import cell
from ich_resources.uids import slice_stem

Kind = Literal["label without slice", "slice without label", "label of a slice that is not used"]
UNMATCHED_COLUMNS = ("id", "what", "code", "reason")
"""Columns of ``unmatched.csv``."""


@dataclass(frozen=True)
class NotUsed:
    """Why a slice that was found is not used: reason code and sentence."""

    code: str
    reason: str


@dataclass(frozen=True)
class Unmatched:
    """A label without a slice, or a slice without labels.

    Attributes
    ----------
    name : str
        Identifier.
    what : str
        Which of the two.
    not_used : NotUsed or None
        Why the slice of a label is not used; None where it was not found.
    """

    name: str
    what: Kind
    not_used: NotUsed | None = None


@dataclass(frozen=True)
class Matched:
    """The labels of the slices, and the items without a partner.

    Attributes
    ----------
    values : float32 array, shape (n, 6)
        Labels of each slice; NaN where it has none.
    unmatched : tuple of Unmatched
        Sorted by kind and identifier.
    labels : int
        Number of labelled images in the file.
    """

    values: npt.NDArray[np.float32]
    unmatched: tuple[Unmatched, ...]
    labels: int

    def count(self, what: Kind) -> int:
        """Return how many of a kind there are."""
        return sum(item.what == what for item in self.unmatched)

    @property
    def share(self) -> float:
        """The larger of two shares: labels without a slice, slices without labels.

        A label whose slice was found and is refused or failed does not count.
        """
        without_slice = self.count("label without slice") / max(self.labels, 1)
        without_label = self.count("slice without label") / max(len(self.values), 1)
        return max(without_slice, without_label)


def require_by_slice(labels: Labels) -> None:
    """Check that labels are by slice.

    Parameters
    ----------
    labels : Labels
        From ``labels.read_labels``.

    Raises
    ------
    DatasetError
        If they are by series or by study.
    """
    if labels.level != "slice":
        raise DatasetError(
            f"the labels are by {labels.level}, and the 2D networks are trained by slice",
            remedy="give labels with SOPInstanceUID, or in Kaggle's form",
        )


def match(labels: Labels, slices: Sequence[str], others: Mapping[str, NotUsed]) -> Matched:
    """Find the labels of each slice.

    Parameters
    ----------
    labels : Labels
        By slice. An identifier is a SOPInstanceUID, with or without ``ID_`` before it.
    slices : sequence of str
        SOPInstanceUIDs of the slices that have images, in the order of the table.
    others : mapping of str to NotUsed
        The slices that were found and have none, by SOPInstanceUID or by the stem of the file.

    Raises
    ------
    DatasetError
        If the labels are by series or by study, or none of them is of a slice of the data set.
    """
    require_by_slice(labels)
    row_of = {slice_stem(name): row for row, name in enumerate(labels.ids)}
    values = np.full((len(slices), len(CLASSES)), np.nan, np.float32)
    unmatched = []
    used = set()
    for number, name in enumerate(slices):
        row = row_of.get(slice_stem(name))
        if row is None:
            unmatched.append(Unmatched(name, "slice without label"))
        else:
            values[number] = labels.values[row]
            used.add(row)
    if not used:
        raise DatasetError(
            f"none of the {len(labels.ids)} labels is of one of the {len(slices)} slices",
            remedy="check that LABELS and the folders belong to the same data set",
        )
    known = {slice_stem(name): why for name, why in others.items()}
    for row, name in enumerate(labels.ids):
        if row not in used:
            why = known.get(slice_stem(name))
            what: Kind = (
                "label without slice" if why is None else "label of a slice that is not used"
            )
            unmatched.append(Unmatched(name, what, why))
    unmatched.sort(key=lambda item: (item.what, item.name))
    return Matched(values, tuple(unmatched), len(labels.ids))


def unmatched_bytes(unmatched: Sequence[Unmatched]) -> bytes:
    """Return ``unmatched.csv``."""
    lines = [",".join(UNMATCHED_COLUMNS)]
    for item in unmatched:
        why = item.not_used or NotUsed("", "")
        texts = (item.name, item.what, why.code, why.reason)
        lines.append(",".join(_quoted(cell(text)) for text in texts))
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if {",", '"'} & set(text) else text
