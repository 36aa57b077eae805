"""What the pixels of a series say about their meaning, collected slice by slice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ich_resources.dicom.plausibility import FEWEST_GRAY_LEVELS, fault, gray_levels
from ich_resources.dicom.shares import HIGHEST_HU, LOWEST_HU, background, count_values
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Remark
from ich_resources.series_images import HuSlice


@dataclass(frozen=True)
class ValuesVerdict:
    """What the pixels of a series say.

    Attributes
    ----------
    failed : dict of int to Judgement
        The slices that cannot be scored, by their number in the order of ``SeriesValues.add``.
    remarks : tuple of Remark
        FEW_GRAY_LEVELS, EMPTY_SLICES and MENDED, where found.
    """

    failed: dict[int, Judgement]
    remarks: tuple[Remark, ...]


class SeriesValues:
    """The counts of the values of a series, and the slices that hold one value."""

    def __init__(self) -> None:
        self._hu = np.zeros(HIGHEST_HU - LOWEST_HU + 1, np.int64)
        self._gray = np.zeros(256, np.int64)
        self._constant: dict[int, float] = {}
        self._flat: set[int] = set()
        self._mended: list[str] = []
        self._slices = 0

    def add(self, item: HuSlice, image: npt.NDArray[np.uint8]) -> bool:
        """Add the next slice in series order; return whether its values differ.

        Parameters
        ----------
        item : HuSlice
            The slice. Its padding does not count.
        image : uint8 array, shape (H, W)
            The slice after the window.
        """
        number, self._slices = self._slices, self._slices + 1
        self._mended += [item.mended] if item.mended else []
        if image.min() == image.max():
            self._flat.add(number)
        lowest = float(item.hu.min())
        if lowest == float(item.hu.max()):
            self._constant[number] = lowest
            return False
        self._hu += count_values(item.hu, item.padding)
        self._gray += np.bincount(image.ravel(), minlength=256)
        return True

    def judge(self) -> ValuesVerdict:
        """Return what the slices that were added say."""
        varied = self._slices - len(self._constant)
        wrong = fault(self._hu) if varied else ""
        if wrong:
            judgement = Judgement("failed", Reason.NOT_HU, f"its series has no HU: {wrong}")
            return ValuesVerdict(dict.fromkeys(range(self._slices), judgement), ())
        failed = {
            number: Judgement("failed", Reason.CONSTANT, f"every pixel has the value {value:g} HU")
            for number, value in self._constant.items()
            if not self._is_empty_end(number)
        }
        return ValuesVerdict(failed, tuple(self._remarks(len(failed))) if varied else ())

    def _is_empty_end(self, number: int) -> bool:
        """Return whether a constant slice is background beyond the first or last other slice."""
        varied = [n for n in range(self._slices) if n not in self._constant]
        if not varied or varied[0] < number < varied[-1]:
            return False
        return round(self._constant[number]) == background(self._hu)

    def _remarks(self, failed: int) -> list[Remark]:
        found = []
        levels = gray_levels(self._gray)
        if levels < FEWEST_GRAY_LEVELS:
            text = f"{levels} gray levels inside the window, fewer than {FEWEST_GRAY_LEVELS}"
            found.append(Remark(Reason.FEW_GRAY_LEVELS, text))
        seen = [n for n in range(self._slices) if n not in self._flat]
        inner = [n for n in self._flat - self._constant.keys() if seen and seen[0] < n < seen[-1]]
        ends = len(self._constant) - failed
        if ends or inner:
            text = f"slices that are all background: {ends}" if ends else ""
            black = f"black or white slices between others: {len(inner)}" if inner else ""
            found.append(Remark(Reason.EMPTY_SLICES, "; ".join(filter(None, (text, black)))))
        if self._mended:
            listed = ", ".join(sorted(set(self._mended)))
            found.append(Remark(Reason.MENDED, f"slices mended ({listed}): {len(self._mended)}"))
        return found
