"""A synthetic head CT study on disk, in the form in which a PACS exports it.

The same arguments give the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

from ich_resources.demo.attachments import write_dose_page, write_localizer
from ich_resources.demo.axial import Acquisition, slice_heights, write_series
from ich_resources.demo.dose_report import write_dose_report
from ich_resources.demo.headers import uid

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

It shows phantoms: ellipsoids and noise, computed by a program. There is no patient, no
scanner and no exposure. It is there to try the software and says nothing about how well
the software finds haemorrhage. The networks of the demo are trained on other phantoms:
the numbers mean nothing for people. Research use only. Not a medical device.
"""


@dataclass(frozen=True)
class DemoStudy:
    """UIDs of the demo study.

    Attributes
    ----------
    study : str
        StudyInstanceUID.
    bleed_series, plain_series : str
        SeriesInstanceUIDs of the head with and without a haematoma.
    localizer_series, dose_series, dose_page_series : str
        SeriesInstanceUIDs of the series that must not be scored.
    """

    study: str
    bleed_series: str
    plain_series: str
    localizer_series: str
    dose_series: str
    dose_page_series: str


def write_demo_study(folder: Path, slices: int = 12) -> DemoStudy:
    """Write the demo study: two series of slices, and three series that must not be scored.

    Parameters
    ----------
    folder : Path
        Folder for ``README.txt`` and ``DICOM/``. It is made if it is missing.
    slices : int
        Number of slices of each of the two series.

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
