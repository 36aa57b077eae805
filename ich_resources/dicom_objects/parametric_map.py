"""The saliency maps as a parametric map: float32 on the grid of the source (DICOM PS3.3 A.75).

float32: viewers show smaller integers wrong (docs/reading.md).
"""

from collections.abc import Sequence

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.dataset import Dataset

from ich_resources.dicom_objects.grid import on_source_grid
from ich_resources.dicom_objects.scored import MANUFACTURER, MODEL, Scored, object_uid
from ich_resources.dicom_objects.terms import ACTIVATION, GRADIENT, NO_UNITS

SERIES_NUMBER = 9904
NAME = "saliency_map"


def parametric_map(
    scored: Scored, slices: Sequence[Dataset], version: str, software: str
) -> Dataset:
    """Return the saliency maps on the grid of their slices.

    Parameters
    ----------
    scored : Scored
        ``maps``, ``first_map`` and ``method`` count.
    slices : sequence of Dataset
        ``source.reference`` of each slice of the series. All have a geometry, of one size.
    version : str
        ``objects_version``; the UIDs are made from it.
    software : str
        Version of ich.
    """
    shown = list(slices[scored.first_map : scored.first_map + len(scored.maps)])
    rows, columns = shown[0].Rows, shown[0].Columns
    values = np.stack([on_source_grid(one, rows, columns) for one in scored.maps])
    found = ParametricMap(
        source_images=shown,
        pixel_array=values,
        series_instance_uid=object_uid(version, "series of the map"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=object_uid(version, NAME),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=software,
        device_serial_number="none",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="SALIENCY",
                lut_explanation="Saliency, stretched to 0..1 per slice",
                unit=NO_UNITS,
                value_range=(0.0, 1.0),
                slope=1,
                intercept=0,
                quantity_definition=GRADIENT if scored.method == "input_grad" else ACTIVATION,
            )
        ],
        voi_lut_transformations=[VOILUTTransformation(window_center=0.5, window_width=1.0)],
        content_description="Saliency, RESEARCH USE ONLY",
        content_label="SALIENCY",
        series_description="ich saliency map, RESEARCH USE ONLY",
    )
    found.BodyPartExamined = "HEAD"
    _with_own_uids(found, object_uid(version, "dimensions"))
    return found


def _with_own_uids(found: Dataset, uid: str) -> None:
    """Replace the random UID of the dimensions."""
    for item in (*found.DimensionOrganizationSequence, *found.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
