"""One axial series of the phantom, as files of CT Image Storage.

The same arguments give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ich_resources.demo.anatomy import FloatArray
from ich_resources.demo.headers import ct_image, write
from ich_resources.demo.phantom import head_hu
from ich_resources.demo.plane import FIELD_OF_VIEW


def slice_heights(slices: int) -> list[float]:
    """Return the relative heights of slices, from the skull base to the vertex.

    Parameters
    ----------
    slices : int
        Number of slices.

    Returns
    -------
    list of float
        The middles of equal parts of 0..1, ascending. 0.5 for one slice.

    Raises
    ------
    ValueError
        If there are no slices.
    """
    if slices < 1:
        raise ValueError(f"a series needs at least one slice; {slices} were asked for")
    return [(k + 0.5) / slices for k in range(slices)]


@dataclass(frozen=True)
class Acquisition:
    """Header values of a series of the phantom, its noise and its file names.

    Attributes
    ----------
    spacing : float
        Distance and thickness of the slices, in mm.
    window : tuple of float
        WindowCenter and WindowWidth, in HU.
    series_number : int
        SeriesNumber.
    description : str
        SeriesDescription.
    seed : int
        Seed of the noise.
    suffix : str
        Ending of the file names, such as ``.dcm``.
    """

    spacing: float = 5.0
    window: tuple[float, float] = (40.0, 80.0)
    series_number: int = 2
    description: str = "Head 5.0 H31s"
    seed: int = 0
    suffix: str = ""


def write_series(
    folder: Path,
    *,
    name: str,
    slices: int,
    bleed: bool,
    size: int = 512,
    study: str = "demo",
    acquisition: Acquisition = Acquisition(),
) -> list[Path]:
    r"""Write one axial series of the phantom, one file per slice.

    The files are numbered from the vertex down: their order is the reverse of the order along z.
    The slices always cover the whole head; ``spacing`` only changes the header.

    Parameters
    ----------
    folder : Path
        Folder of the series. It is made if it is missing.
    name : str
        Name of the series. Its UIDs depend only on the names of study and series.
    slices : int
        Number of slices.
    bleed : bool
        Whether the head has a haematoma and a subdural crescent.
    size : int
        Rows and columns.
    study : str
        Name of the study.
    acquisition : Acquisition
        Header values, noise and file names.

    Returns
    -------
    list of Path
        The files ``IM0001``, ``IM0002``, ...: CT Image Storage, ImageType
        ORIGINAL\PRIMARY\AXIAL, int16 pixels of HU + 1024 (DICOM PS3.3 C.7.6.1.1.2, C.7.6.2,
        C.8.2.1).

    Raises
    ------
    ValueError
        If there are no slices.
    OSError
        If a file cannot be written.
    """
    heights = slice_heights(slices)
    hu = [head_hu(height, bleed=bleed, size=size, seed=acquisition.seed) for height in heights]
    return write_slices(folder, hu, name=name, study=study, acquisition=acquisition)


def write_slices(
    folder: Path,
    hu: Sequence[FloatArray],
    *,
    name: str,
    study: str,
    acquisition: Acquisition,
    patient: str = "",
) -> list[Path]:
    r"""Write slices as one axial series, one file per slice.

    Parameters
    ----------
    folder : Path
        Folder of the series. It is made if it is missing.
    hu : sequence of float32 arrays, shape (size, size)
        The slices in HU, from the skull base to the vertex.
    name, study : str
        Names of series and study; the UIDs depend on them.
    acquisition : Acquisition
        Header values and file names.
    patient : str
        PatientID. Empty: that of the first head.

    Returns
    -------
    list of Path
        The files, as `write_series` names them; the last is the lowest slice.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    step = FIELD_OF_VIEW / len(hu[0])
    corner = round((step - FIELD_OF_VIEW) / 2, 4)
    paths = []
    for k, image in enumerate(hu):
        number = len(hu) - k
        ds = ct_image(
            image, study=study, name=name, number=acquisition.series_number, instance=number
        )
        ds.PatientID = patient or ds.PatientID
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.SeriesDescription = acquisition.description
        ds.XRayTubeCurrent, ds.ExposureTime, ds.Exposure = 300, 1000, 300
        ds.GantryDetectorTilt = 0
        ds.ConvolutionKernel = "H31s"
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [corner, corner, round(k * acquisition.spacing, 4)]
        ds.SliceLocation = round(k * acquisition.spacing, 4)
        ds.SliceThickness = acquisition.spacing
        ds.PixelSpacing = [round(step, 6)] * 2
        ds.RescaleType = "HU"
        ds.WindowCenter, ds.WindowWidth = acquisition.window
        paths.append(write(ds, Path(folder) / f"IM{number:04d}{acquisition.suffix}"))
    return sorted(paths)
