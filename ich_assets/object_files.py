"""The DICOM objects of one series: gathered from its results, painted, written."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ich_assets.object_sources import REMEDY, Sources, kept_maps
from ich_assets.resources import SeriesResources
from ich_assets.scored import BAR_SOURCE, SEQUENCE_BAR_SOURCE
from ich_assets.step_files import load_folds
from ich_assets.thresholds import flagging
from ich_resources.backbones.table import BACKBONES
from ich_resources.digests import file_sha256
from ich_resources.errors import IchError
from ich_resources.findings import FloatArray
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.files import read_checked, write_bytes
from ich_resources.storage.probability_schemas import PredictionsContent
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_schema import Maps
from ich_resources.storage.shown import networks_behind
from ich_resources.subjects import series_subject
from ich_resources.worth import BANNERS, least

Texts = Mapping[str, list[str]]


class Objects(NamedTuple):
    """What was written of a series: data version, file names, and what was left out and why."""

    version: str
    names: tuple[str, ...]
    left_out: str


def write_objects(
    sources: Sources, resources: SeriesResources, headers: Sequence[Texts], digest: str
) -> Objects:
    """Write the objects of a series below ``output/dicom``.

    Parameters
    ----------
    sources : Sources
        The results.
    resources : SeriesResources
        Options, and the painter.
    headers : sequence of mapping
        What the source file of each scored slice says.
    digest : str
        Inputs digest of the step.

    Raises
    ------
    IchError
        If a result cannot be read, or a file cannot be written.
    """
    from ich_resources.dicom_objects.make import make_objects, wanted
    from ich_resources.dicom_objects.scored import Scored, objects_version
    from ich_resources.dicom_objects.source import why_no_objects

    why = why_no_objects(headers)
    if why:
        return Objects(digest, (), why)
    storage, content = resources.storage, sources.panels.content
    maps, pages, array = kept_maps(sources, storage)
    worth = least([sources.ensemble.content.worth, content.worth])
    scored = Scored(
        probabilities=sources.probabilities,
        folds=_folds(sources, storage),
        maps=array,
        first_map=maps.first,
        targets=maps.targets,
        key_slices=pages.key_slices,
        threshold=_threshold(sources, resources),
        method=str(content.entry["saliency"]["method"]),
        banner=BANNERS[worth],
        facts=_facts(sources, storage),
    )
    data_version = objects_version(digest, scored, headers, _digests(sources, storage))
    which = wanted(headers, parametric_map=resources.results.parametric_map == "on")
    folder = storage.layout.dicom_objects(sources.series.series_instance_uid)
    names = []
    overlays = _overlays(sources, resources, scored.maps, maps)
    for name, file in make_objects(scored, overlays, headers, data_version, version("ich"), which):
        write_bytes(folder / name, file)
        names.append(name)
    return Objects(data_version, tuple(names), which.left_out)


def _folds(sources: Sources, storage: StorageResource) -> dict[str, FloatArray]:
    """Return the probabilities of each checkpoint, where their mean is what the tables show."""
    content, uid = sources.ensemble.content, sources.series.series_instance_uid
    if sources.step != ENSEMBLE or content.calibration is not None:
        return {}
    names = content.predictions
    return {name: load_folds(storage, uid, BACKBONES[name])[1].probabilities for name in names}


def _threshold(sources: Sources, resources: SeriesResources) -> float | None:
    """Return the threshold of the run.

    Raises
    ------
    IchError
        If it was chosen for other networks than those of the result.
    """
    flagged_by = flagging(resources)
    outcome = outcome_on_disk(sources.series, resources.storage.records)
    if flagged_by is not None and not flagged_by.fits(networks_behind(outcome.records)):
        raise IchError(
            "results.threshold was chosen for other networks than those of this result",
            series=sources.series.series_instance_uid,
            remedy=REMEDY,
            code="STALE",
        )
    return None if flagged_by is None else flagged_by.threshold


def _facts(sources: Sources, storage: StorageResource) -> list[str]:
    """Return sentences on slices, networks and maps, without device and time: those differ."""
    series, content = sources.series, sources.ensemble.content
    subject = series_subject(series.series_instance_uid)
    scored, failed = len(sources.probabilities), series.count("failed")
    failed += len(sources.processed.content.failed)
    said = [
        f"Slices: {len(series.slices)} found, {scored} scored, {series.count('refused')} refused, "
        f"{failed} failed.",
        f"Series {series.series_instance_uid}",
    ]
    bars = BAR_SOURCE if sources.step == ENSEMBLE else SEQUENCE_BAR_SOURCE
    said.append(f"Numbers: {'calibrated ' if content.calibration else ''}{bars}.")
    for name, step in content.predictions.items():
        record = storage.records.find_as(subject, step, PredictionsContent)
        folds = () if record is None else record.content.folds
        digests = " ".join(fold.digest[:8] for fold in folds)
        said.append(f"Checkpoints of {name}: {len(folds)}, SHA-256 {digests}")
    saliency = sources.panels.content.entry["saliency"]
    maps = 0 if sources.panels.content.maps is None else len(sources.panels.content.maps.targets)
    said.append(f"Maps: {saliency['method']}, {saliency['mode']}, of {maps} of {scored} slices.")
    said.append(f"ich {version('ich')}, panels {sources.panels.data_version[:16]}")
    return said


def _picture_names(sources: Sources, storage: StorageResource) -> list[str]:
    images = [item.sop_instance_uid for item in sources.processed.content.slices]
    return [storage.records.relative(storage.layout.slice_png(uid)) for uid in images]


def _digests(sources: Sources, storage: StorageResource) -> list[str]:
    root = storage.layout.run_root
    names = _picture_names(sources, storage)
    return [sources.processed.sha256(name) or file_sha256(root / name) for name in names]


def _overlays(
    sources: Sources, resources: SeriesResources, kept: npt.NDArray[np.uint8], maps: Maps
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield each slice with its map at the size of its source, as the panels paint it.

    Raises
    ------
    StorageError
        If a picture is missing or has changed.
    """
    from ich_resources.dicom_objects.grid import on_source_grid

    storage = resources.storage
    scaled = resources.saliency.appearance.scale == "probability"
    names = _picture_names(sources, storage)
    for number, target in enumerate(maps.targets):
        index = maps.first + number
        path = storage.layout.run_root / names[index]
        png = read_checked(path, sources.processed.sha256(names[index]), remedy=REMEDY)
        gray = np.asarray(
            cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8
        )
        strength = float(sources.probabilities[index, target]) if scaled else 1.0
        yield resources.panels.overlay(gray, on_source_grid(kept[number], *gray.shape), strength)
