"""The results of one series that its DICOM objects are made from, read and compared."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ich_assets.step_files import load_shown
from ich_resources.errors import IchError
from ich_resources.findings import FloatArray
from ich_resources.series import SeriesRecord
from ich_resources.steps import PROCESSED, SALIENCY, SOURCE
from ich_resources.storage.arrays import read_array
from ich_resources.storage.chain import made_together
from ich_resources.storage.ledger import find_series
from ich_resources.storage.probability_schemas import EnsembleContent
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record, content_as
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_schema import Maps, Pages, SaliencyContent
from ich_resources.subjects import series_subject

REMEDY = f"materialise everything up to {SALIENCY} for this partition first"


class Sources(NamedTuple):
    """The results of a series that its objects are made from."""

    series: SeriesRecord
    processed: Record[ProcessedContent]
    panels: Record[SaliencyContent]
    ensemble: Record[EnsembleContent]
    probabilities: FloatArray
    step: str

    @property
    def versions(self) -> dict[str, str]:
        """Data version of each, by step."""
        return {
            SOURCE: self.series.version,
            PROCESSED: self.processed.data_version,
            SALIENCY: self.panels.data_version,
            self.step: self.ensemble.data_version,
        }


def sources_of(storage: StorageResource, uid: str) -> Sources:
    """Read the results that the objects show, and check that they belong together.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.

    Raises
    ------
    IchError
        If they do not.
    """
    series = find_series(storage.layout, uid)
    found = made_together(series, storage.records)
    if SALIENCY not in found:
        raise IchError(
            f"there are no {SALIENCY} of the current slices",
            series=uid,
            remedy=REMEDY,
            code="STALE",
        )
    panels = content_as(found[SALIENCY], SaliencyContent)
    step = panels.content.shown_step
    ensemble, probabilities = load_shown(storage, uid, step=step)
    processed = content_as(found[PROCESSED], ProcessedContent)
    return Sources(series, processed, panels, ensemble, probabilities, step)


def kept_maps(
    sources: Sources, storage: StorageResource
) -> tuple[Maps, Pages, npt.NDArray[np.uint8]]:
    """Return what the panels kept, and their maps.

    Parameters
    ----------
    sources : Sources
        The results.
    storage : StorageResource
        The run root.

    Returns
    -------
    maps : Maps
        Where the maps are, and the classes that they explain.
    pages : Pages
        What the pages show of the series.
    values : uint8 array, shape (M, 256, 256)
        Saliency maps, 255 for 1.

    Raises
    ------
    IchError
        If an earlier version drew the panels and kept nothing.
    """
    content, uid = sources.panels.content, sources.series.series_instance_uid
    if content.maps is None or content.pages is None:
        raise IchError(
            "an earlier version drew the panels, and kept no saliency maps",
            series=uid,
            remedy=f"materialise {SALIENCY} for this partition again",
        )
    path = storage.layout.array(series_subject(uid), SALIENCY)
    sha256 = sources.panels.sha256(storage.records.relative(path))
    return content.maps, content.pages, read_array(path, remedy=REMEDY, sha256=sha256)
