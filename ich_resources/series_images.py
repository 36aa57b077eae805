"""The images of a series: slices in Hounsfield units, and the crops that the networks read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ich_resources.series import SliceRecord


@dataclass(frozen=True)
class HuSlice:
    """One slice in Hounsfield units.

    Attributes
    ----------
    record : SliceRecord
        The file that it came from.
    hu : float64 array, shape (H, W)
        Hounsfield units.
    window : tuple of float
        Center and width of its window, in HU.
    padding : bool array, shape (H, W), or None
        Pixels outside of the image (DICOM PS3.3 C.7.5.1.1.2); None if there are none.
    mended : str
        The known defect that was mended; empty if none was.
    """

    record: SliceRecord
    hu: npt.NDArray[np.float64]
    window: tuple[float, float]
    padding: npt.NDArray[np.bool_] | None = None
    mended: str = ""


@dataclass(frozen=True)
class SeriesImages:
    """The slices of a series as the networks and the saliency read them.

    Attributes
    ----------
    sop_instance_uids : tuple of str
        SOPInstanceUIDs of the slices, in series order.
    crops : uint8 array, shape (N, 512, 512)
        One crop of each slice (docs/reference.md, section 2). All backbones and the saliency
        share it.

    Raises
    ------
    ValueError
        If the number of crops is not the number of slices.
    """

    sop_instance_uids: tuple[str, ...]
    crops: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.crops.ndim != 3 or len(self.crops) != len(self.sop_instance_uids):
            raise ValueError(
                f"{len(self.sop_instance_uids)} slices need as many crops of two dimensions; "
                f"the crops have shape {self.crops.shape}"
            )
