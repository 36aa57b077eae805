"""The slices that a training or a prediction works on; importable without torch."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ich_resources.digests import fingerprint
from ich_resources.hemorrhage import CLASSES


@dataclass(frozen=True)
class TrainingSlices:
    """Slices with images and labels, in order: the slices of a group follow each other.

    Attributes
    ----------
    slices : tuple of str
        Identifier of each slice.
    groups : tuple of str
        Series (or study) of each slice. Neighbours come from the same group. The slices of a group
        stand together, in the order of the slice normal.
    images : tuple of Path
        PNG of each slice, 8-bit gray, at its native size.
    labels : float32 array, shape (N, 6)
        1, 0, or NaN where a class was not read. A slice with six NaN is only a neighbour.

    Raises
    ------
    ValueError
        If the lengths differ, an identifier stands twice, or the slices of a group do not stand
        together.
    """

    slices: tuple[str, ...]
    groups: tuple[str, ...]
    images: tuple[Path, ...]
    labels: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.slices)
        if {len(self.groups), len(self.images)} != {count}:
            raise ValueError("slices, groups and images must have the same length")
        if self.labels.shape != (count, len(CLASSES)):
            raise ValueError(f"labels have the shape {self.labels.shape}, not ({count}, 6)")
        if len(set(self.slices)) != count:
            raise ValueError("an identifier of a slice stands twice")
        if len(self.ranges) != len(set(self.groups)):
            raise ValueError("the slices of a group must stand together")

    def __len__(self) -> int:
        return len(self.slices)

    @cached_property
    def ranges(self) -> tuple[range, ...]:
        """The rows of each group, in order."""
        starts = [
            row
            for row, group in enumerate(self.groups)
            if row == 0 or group != self.groups[row - 1]
        ]
        return tuple(
            range(start, end) for start, end in zip(starts, [*starts[1:], len(self)], strict=True)
        )

    @cached_property
    def range_of(self) -> tuple[range, ...]:
        """For each row, the rows of its group."""
        return tuple(rows for rows in self.ranges for _ in rows)

    @cached_property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Whether at least one class of a slice was read, shape (N,)."""
        return np.asarray(~np.isnan(self.labels).all(axis=1))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of identifiers, groups and labels (not of the images), hexadecimal."""
        labels = [[None if np.isnan(v) else float(v) for v in row] for row in self.labels]
        return fingerprint({"slices": self.slices, "groups": self.groups, "labels": labels})
