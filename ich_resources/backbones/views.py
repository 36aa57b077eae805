"""The fixed views of test-time augmentation, the same for out-of-fold predictions and for use."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class View:
    """One way to show a slice to a network.

    Attributes
    ----------
    mirrored : bool
        Left and right exchanged.
    reversed : bool
        Neighbours exchanged: (i-1, i, i+1) in place of (i+1, i, i-1).
    """

    mirrored: bool = False
    reversed: bool = False

    def apply(self, planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the planes of a batch as this view shows them.

        Parameters
        ----------
        planes : uint8 array, shape (B, 1, S, S) or (B, 3, S, S)
            From ``preprocessing.network_planes``.

        Returns
        -------
        uint8 array, contiguous, of the same shape
        """
        if self.mirrored:
            planes = planes[:, :, :, ::-1]
        if self.reversed:
            planes = planes[:, ::-1]
        return np.ascontiguousarray(planes)


FIXED_VIEWS = {
    "none": (View(),),
    "four": (View(), View(mirrored=True), View(reversed=True), View(True, True)),
}
"""The views by name. The first is what scoring without test-time augmentation sees."""
