"""The text of a saliency panel."""

from dataclasses import dataclass
from typing import NamedTuple

from ich_resources.hemorrhage import class_index


class Clear(NamedTuple):
    """What a panel of the preset ``clear`` says beside its caption.

    Attributes
    ----------
    by_probability : bool
        Whether the opacity of the colours is multiplied with P(target).
    threshold : float or None
        Threshold on P(any). The highest bar is marked if P(any) is at least this, or without one.
    description : str
        SeriesDescription, on one line.
    window : (float, float)
        Center and width in HU.
    z : float or None
        Position along z in mm.
    sides : str
        Letters of the left, right, upper and lower edge (``dicom.sides``); empty if not known.
    """

    by_probability: bool
    threshold: float | None
    description: str
    window: tuple[float, float]
    z: float | None
    sides: str


@dataclass(frozen=True)
class Caption:
    """The text of a panel.

    Attributes
    ----------
    series_uid, sop_uid, study_uid : str
        SeriesInstanceUID, SOPInstanceUID and StudyInstanceUID, at most 64 characters each.
    slice_index : int
        Place of the slice in its series, from 0.
    slice_count : int
        Number of slices in the series.
    saliency_source : str
        The networks that made the map, such as ``ensemble of DenseNet121_change_avg, ...``.
    mode, method : str
        Saliency mode (``ensemble``, ``single``) and method (``gradcam``, ...).
    target_class : str
        The class that the map explains.
    score : float
        Saliency score: mean of the map, 0..1.
    bar_source : str
        Description of the bars, such as ``ensemble probabilities``.
    slice_context : str
        Content of the three input channels (``replicated``, ``adjacent``).
    warning : str
        What the numbers are not worth (``worth.BANNERS``); empty for no banner.
    clear : Clear or None
        What a panel of the preset ``clear`` says beside this; None for ``reference``.

    Raises
    ------
    ValueError
        If the class is unknown or the slice is outside the series.
    """

    series_uid: str
    sop_uid: str
    slice_index: int
    slice_count: int
    study_uid: str
    saliency_source: str
    mode: str
    method: str
    target_class: str
    score: float
    bar_source: str
    slice_context: str
    warning: str
    clear: Clear | None = None

    def __post_init__(self) -> None:
        """Check the class and the number of the slice.

        Raises
        ------
        ValueError
            If the class is unknown or the slice is outside the series.
        """
        class_index(self.target_class)
        if not 0 <= self.slice_index < self.slice_count:
            raise ValueError(f"slice {self.slice_index} is outside 0..{self.slice_count - 1}")
