"""All DICOM objects of one series: which are wanted, and making them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ich_resources.dicom_objects import captures, key_images, parametric_map, report
from ich_resources.dicom_objects.finishing import finished
from ich_resources.dicom_objects.lettering import Picture
from ich_resources.dicom_objects.scored import Scored
from ich_resources.dicom_objects.source import Texts, moment, planes, reference

SUFFIX = ".dcm"


@dataclass(frozen=True)
class Wanted:
    """What is made beside the overlays, and why the rest is not.

    Attributes
    ----------
    documents : bool
        Whether report, key images and map can have the date that they need.
    parametric_map : bool
        Whether the map is made.
    left_out : str
        One sentence on what was asked for and cannot be made; empty if all can.
    """

    documents: bool
    parametric_map: bool
    left_out: str


def wanted(headers: Sequence[Texts], *, parametric_map: bool) -> Wanted:
    """Return which objects the source allows.

    Parameters
    ----------
    headers : sequence of mapping
        One per scored slice.
    parametric_map : bool
        Whether the map was asked for.
    """
    dated, placed = moment(headers) is not None, planes(headers) is not None
    sizes = {tuple(map(tuple, (h.get("Rows", ()), h.get("Columns", ())))) for h in headers}
    mapped = parametric_map and dated and placed and len(sizes) == 1
    said = []
    if not dated:
        said.append("the source has no date and time, so report and key images are left out")
    if not placed:
        said.append("the source has no frame of reference, so the overlays have no geometry")
    if parametric_map and not mapped:
        said.append("the parametric map is left out" + ("" if said else ": slices differ in size"))
    return Wanted(dated, mapped, "; ".join(said))


def make_objects(
    scored: Scored,
    overlays: Iterable[Picture],
    headers: Sequence[Texts],
    version: str,
    software: str,
    which: Wanted,
) -> Iterator[tuple[str, bytes]]:
    """Yield file name and bytes of each object of a series, the overlays first.

    Parameters
    ----------
    scored : Scored
        The result.
    overlays : iterable of uint8 array, shape (rows, columns, 3)
        The painted slices, RGB, one for each map.
    headers : sequence of mapping
        One per scored slice, for which ``source.why_no_objects`` is empty.
    version : str
        ``scored.objects_version``.
    software : str
        Version of ich.
    which : Wanted
        What to make.
    """
    where = planes(headers)
    for name, capture in captures.captures(scored, overlays, headers, where, version):
        yield name + SUFFIX, finished(capture, headers, software, captures.SYNTAX)
    slices = [
        reference(header, None if where is None else where[index])
        for index, header in enumerate(headers)
    ]
    documents: list[tuple[str, Dataset]] = []
    if which.documents:
        documents.append((report.NAME, report.report(scored, slices, version, software)))
        keys = key_images.key_images(scored, slices, version, software)
        documents.append((key_images.NAME, keys))
    if which.parametric_map:
        found = parametric_map.parametric_map(scored, slices, version, software)
        documents.append((parametric_map.NAME, found))
    for name, document in documents:
        yield name + SUFFIX, finished(document, headers, software, ExplicitVRLittleEndian)
