"""A synthetic head CT study on disk, as a PACS would export it.

Everything follows from the arguments: the same call writes the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

from ich_resources.demo.attachments import write_dose_page, write_dose_report, write_localizer
from ich_resources.demo.headers import ct_image, uid, write
from ich_resources.demo.phantom import FIELD_OF_VIEW, head_hu

__all__ = [
    "DemoStudy",
    "slice_heights",
    "uid",
    "write_demo_study",
    "write_dose_page",
    "write_dose_report",
    "write_localizer",
    "write_series",
]

README = """This CT study is synthetic.

It shows a phantom: ellipsoids and noise, computed by a program. There is no patient, no
scanner and no exposure. It is there to try the software and says nothing about how well
the software finds haemorrhage. Research use only. Not a medical device.
"""


@dataclass(frozen=True)
class DemoStudy:
    """UIDs of the demo study: the StudyInstanceUID, and the SeriesInstanceUID of each series."""

    study: str
    bleed_series: str
    plain_series: str
    localizer_series: str
    dose_series: str
    dose_page_series: str


def slice_heights(slices: int) -> list[float]:
    """Return the relative heights of the slices, from base to vertex.

    Parameters
    ----------
    slices : int
        Number of slices.

    Returns
    -------
    list of float
        Middles of equal parts of 0..1, ascending; 0.5 for one slice.

    Raises
    ------
    ValueError
        If there are no slices.
    """
    if slices < 1:
        raise ValueError(f"a series needs at least one slice, not {slices}")
    return [(k + 0.5) / slices for k in range(slices)]


@dataclass(frozen=True)
class Acquisition:
    """How a series of the phantom was acquired and named.

    Attributes
    ----------
    spacing : float
        Distance of the slices and their thickness, in mm.
    window : tuple of float
        WindowCenter and WindowWidth, in HU.
    series_number : int
        SeriesNumber.
    description : str
        SeriesDescription.
    seed : int
        Seed of the noise.
    suffix : str
        End of the file names, such as ``.dcm``.
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

    The files are numbered from the vertex down, so their order is the reverse of the order
    along z. The whole head is sampled, whatever the number of slices and their spacing.

    Parameters
    ----------
    folder : Path
        Folder of the series; made if missing.
    name : str
        Name of the series; its UIDs follow from the names of study and series alone.
    slices : int
        Number of slices.
    bleed : bool
        Whether the head bleeds.
    size : int
        Rows and columns.
    study : str
        Name of the study.
    acquisition : Acquisition
        How it was acquired and named.

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
    step = FIELD_OF_VIEW / size
    corner = round((step - FIELD_OF_VIEW) / 2, 4)
    paths = []
    for k, height in enumerate(slice_heights(slices)):
        number = slices - k
        hu = head_hu(height, bleed=bleed, size=size, seed=acquisition.seed)
        ds = ct_image(hu, study=study, name=name, number=acquisition.series_number, instance=number)
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


def write_demo_study(folder: Path, slices: int = 12) -> DemoStudy:
    """Write the demo study: two series, and three that must not be scored.

    Parameters
    ----------
    folder : Path
        Where ``README.txt`` and ``DICOM/`` go; made if missing.
    slices : int
        Slices of each of the two series.

    Returns
    -------
    DemoStudy
        The UIDs.

    Raises
    ------
    ValueError
        If there are no slices.
    OSError
        If a file cannot be written.
    """
    root = Path(folder) / "DICOM" / "PA000000" / "ST000000"
    write_localizer(root / "SE000000")
    write_series(
        root / "SE000001",
        name="bleed",
        slices=slices,
        bleed=True,
        acquisition=Acquisition(description="Head 5.0 H31s bleed"),
    )
    write_series(
        root / "SE000002",
        name="plain",
        slices=slices,
        bleed=False,
        acquisition=Acquisition(
            series_number=3, description="Head 5.0 H31s plain", seed=1, suffix=".dcm"
        ),
    )
    write_dose_report(root / "SE000003")
    write_dose_page(root / "SE000004")
    (Path(folder) / "README.txt").write_text(README, encoding="utf-8")
    return DemoStudy(
        study=uid("demo"),
        bleed_series=uid("demo", "bleed"),
        plain_series=uid("demo", "plain"),
        localizer_series=uid("demo", "localizer"),
        dose_series=uid("demo", "dose"),
        dose_page_series=uid("demo", "page"),
    )
