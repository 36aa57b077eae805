"""The key object selection: the slices to look at first (DICOM PS3.3 A.35.4)."""

from collections.abc import Sequence

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from pydicom.dataset import Dataset

from ich_resources.dicom_objects.report import observer
from ich_resources.dicom_objects.scored import RESEARCH, Scored, object_uid
from ich_resources.dicom_objects.terms import FOR_RESEARCH

SERIES_NUMBER = 9903
NAME = "key_images"


def key_images(scored: Scored, slices: Sequence[Dataset], version: str, software: str) -> Dataset:
    """Return the selection of the key slices.

    Parameters
    ----------
    scored : Scored
        ``key_slices`` says which.
    slices : sequence of Dataset
        ``source.reference`` of each slice of the series.
    version : str
        ``objects_version``; the UIDs are made from it.
    software : str
        Version of ich.
    """
    keys = [slices[index] for index in scored.key_slices]
    content = KeyObjectSelection(
        document_title=FOR_RESEARCH,
        referenced_objects=keys,
        observer_device_context=observer(software),
        description=f"Slices with the highest P(any). {RESEARCH}",
    )
    document = KeyObjectSelectionDocument(
        evidence=keys,
        content=content,
        series_instance_uid=object_uid(version, "series of the key images"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=object_uid(version, NAME),
        instance_number=1,
        series_description="ich key images, RESEARCH USE ONLY",
    )
    for item in document.ContentSequence:
        if item.ValueType == "IMAGE":
            del item.ConceptNameCodeSequence  # TID 2010 has none
    return document
