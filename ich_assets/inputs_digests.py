"""The inputs digest of each step of a series: a fingerprint of all that its result depends on.

Equal digests mean equal results. A step runs again when the digest in its record differs from the
one that its current inputs give. Device and batch size change the numbers by rounding only; they
are recorded and are not part of a digest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ich_assets.asked_objects import objects_digest
from ich_assets.resources import SeriesResources
from ich_assets.sequence_models import (
    ensemble_calibration,
    sequence_digests,
    sequence_models,
    shown_calibration,
)
from ich_assets.thresholds import panel_threshold
from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.table import BACKBONES
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.errors import CheckpointError
from ich_resources.inference.resource import NetworksResource
from ich_resources.judged import digest_of
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.steps import (
    CODE_VERSIONS,
    DICOM_RESULTS,
    ENSEMBLE,
    PREDICTIONS,
    PROCESSED,
    SALIENCY,
    SEQUENCE,
    SOURCE,
    Step,
    ensemble_digest,
    sequence_digest,
    shown_step,
)

Formula = Callable[[Step, Mapping[str, str], SeriesResources], str]
"""(step, data versions of its inputs by name, resources) -> inputs digest."""


def processed_digest(series_version: str, dicom: DicomResource) -> str:
    """Return the inputs digest of ``processed_series``.

    Parameters
    ----------
    series_version : str
        ``SeriesRecord.version``.
    dicom : DicomResource
        Its window and its mending count, where they do not have their default.

    Raises
    ------
    IchError
        If an option has a wrong value.
    """
    inputs: dict[str, Any] = {"code": CODE_VERSIONS[PROCESSED], "series": series_version}
    changed = dicom.changed_values
    return fingerprint(inputs | ({"options": changed} if changed else {}))


def predictions_digest(
    images: str, files: Sequence[CheckpointFile], networks: NetworksResource
) -> str:
    """Return the inputs digest of a backbone's predictions.

    Parameters
    ----------
    images : str
        Data version of the processed series.
    files : sequence of CheckpointFile
        One per fold.
    networks : NetworksResource
        Its slice context and precision count; "auto" counts as what the checkpoints say. Features
        and their views count only where sequence models need them.
    """
    inputs = {
        "code": CODE_VERSIONS[PREDICTIONS],
        "images": images,
        "checkpoints": [file.digest for file in files],
        "slice_context": networks.context_of(files),
        "precision": networks.precision,
    }
    models = sequence_models(networks)
    return fingerprint(inputs | ({} if models is None else {"features": models.views_name}))


def sizes(file: CheckpointFile) -> dict[str, int]:
    """Return the input size of a checkpoint, and that of its backbone, as reports name them."""
    table = BACKBONES[file.backbone].input_size
    return {"input_size": file.input_size, "input_size_of_backbone": table}


def saliency_files(networks: NetworksResource, saliency: SaliencyResource) -> list[CheckpointFile]:
    """Return the checkpoints behind the maps: the first fold of each backbone, or the one chosen.

    Raises
    ------
    CheckpointError
        If a checkpoint is missing or is not the expected one, or if ``image_size_override`` is set
        and a checkpoint carries its own input size.
    """
    options = saliency.options
    if options.mode == "single":
        files = [networks.checkpoint(BACKBONES[options.single_backbone], options.single_fold)]
    else:
        files = [networks.checkpoint(backbone, 0) for backbone in networks.chosen]
    _require_own_size(files, options.image_size_override)
    return files


def _require_own_size(files: Sequence[CheckpointFile], override: int | None) -> None:
    """Check that no checkpoint shall run at another size than the one that it carries.

    Raises
    ------
    CheckpointError
        If one shall.
    """
    own = [file for file in files if file.trained is not None]
    if override is not None and own:
        raise CheckpointError(
            f"saliency.image_size_override is {override}, and this checkpoint carries its own "
            f"input size, {own[0].input_size}",
            path=own[0].path,
            remedy="leave saliency.image_size_override out",
        )


def saliency_digest(
    versions: Mapping[str, str],
    files: Sequence[CheckpointFile],
    networks: NetworksResource,
    saliency: SaliencyResource,
    threshold: float | None = None,
) -> str:
    """Return the inputs digest of the panels.

    Parameters
    ----------
    versions : mapping of str to str
        Data versions of the processed series and of what the bars show.
    files : sequence of CheckpointFile
        See ``saliency_files``.
    networks : NetworksResource
        Its slice context counts, as above.
    saliency : SaliencyResource
        Its options count, but for the batch size.
    threshold : float, optional
        ``thresholds.panel_threshold``. It is part of the digest where one is set.
    """
    options = saliency.values | ({} if threshold is None else {"threshold": threshold})
    if saliency.mode == "ensemble":
        options = {k: v for k, v in options.items() if not k.startswith("single_")}
    return fingerprint(
        {
            "code": CODE_VERSIONS[SALIENCY],
            "images": versions[PROCESSED],
            "bars": versions[shown_step(sequence=networks.sequence == "on")],
            "checkpoints": [file.digest for file in files],
            "slice_context": networks.context_of(files),
            "options": options,
        }
    )


def _of_processed(step: Step, versions: Mapping[str, str], resources: SeriesResources) -> str:
    return processed_digest(versions[SOURCE], resources.dicom)


def _of_predictions(step: Step, versions: Mapping[str, str], resources: SeriesResources) -> str:
    files = resources.networks.checkpoints(BACKBONES[step.backbone])
    return predictions_digest(versions[PROCESSED], files, resources.networks)


def _of_ensemble(step: Step, versions: Mapping[str, str], resources: SeriesResources) -> str:
    networks = resources.networks
    made_from = {b.name: versions.get(b.predictions_step, "") for b in networks.chosen}
    return ensemble_digest(made_from, digest_of(ensemble_calibration(networks)))


def sequence_step_digest(versions: Mapping[str, str], networks: NetworksResource) -> str:
    """Return the inputs digest of the sequence models' predictions.

    Parameters
    ----------
    versions : mapping of str to str
        Data version of each step of the series.
    networks : NetworksResource
        Chosen backbones, sequence models and calibration.
    """
    steps = (PROCESSED, *(backbone.predictions_step for backbone in networks.chosen))
    made_from = {step: versions.get(step, "") for step in steps}
    calibration = digest_of(shown_calibration(networks))
    return sequence_digest(made_from, sequence_digests(networks), calibration)


def _of_sequence(step: Step, versions: Mapping[str, str], resources: SeriesResources) -> str:
    return sequence_step_digest(versions, resources.networks)


def _of_saliency(step: Step, versions: Mapping[str, str], resources: SeriesResources) -> str:
    networks, saliency = resources.networks, resources.saliency
    threshold = panel_threshold(saliency, resources.results, networks)
    files = saliency_files(networks, saliency)
    return saliency_digest(versions, files, networks, saliency, threshold)


def _of_objects(step: Step, versions: Mapping[str, str], resources: SeriesResources) -> str:
    return objects_digest(versions, resources)


FORMULAS: Mapping[str, Formula] = {
    PROCESSED: _of_processed,
    PREDICTIONS: _of_predictions,
    ENSEMBLE: _of_ensemble,
    SEQUENCE: _of_sequence,
    SALIENCY: _of_saliency,
    DICOM_RESULTS: _of_objects,
}
"""The inputs digest of each step of a series, by ``Step.code``."""
