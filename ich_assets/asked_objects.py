"""DICOM objects and rows of the key file: what a run asks for, and whether a series has it."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from ich_assets.resources import SeriesResources
from ich_assets.thresholds import flagging
from ich_resources.digests import fingerprint
from ich_resources.errors import IchError
from ich_resources.series import SeriesRecord
from ich_resources.steps import (
    CODE_VERSIONS,
    DICOM_RESULTS,
    PROCESSED,
    SALIENCY,
    SOURCE,
    shown_step,
)
from ich_resources.storage.content import Content
from ich_resources.storage.failures import Failure
from ich_resources.storage.key_file import has_study, require_apart
from ich_resources.storage.outcome import SeriesOutcome, judge_outcome
from ich_resources.storage.record import Record
from ich_resources.storage.resource import ResultsResource
from ich_resources.storage.saliency_schema import SaliencyContent


def require_objects_can_be_made(resources: SeriesResources, input_dir: Path | None = None) -> None:
    """Check that highdicom is installed if it is needed, and where the key file lies.

    Parameters
    ----------
    resources : SeriesResources
        ``results`` and ``storage`` count.
    input_dir : Path, optional
        Folder that is only read.

    Raises
    ------
    IchError
        If it is not, or the key file lies in RUN_ROOT or in the input folder, or is another file.
    """
    results = resources.results
    if results.dicom == "on" and find_spec("highdicom") is None:
        raise IchError(
            "results.dicom is on, and highdicom is not installed",
            remedy="pip install '.[dicom-out]'",
        )
    if results.key_table is not None:
        require_apart(results.key_table, resources.storage.layout, input_dir)


def objects_digest(versions: Mapping[str, str], resources: SeriesResources) -> str:
    """Return the inputs digest of the DICOM objects.

    Parameters
    ----------
    versions : mapping of str to str
        Data version of the source, the processed series, the panels, and what the bars show.
    resources : SeriesResources
        Which objects are asked for, the threshold, and the opacity of the colours.

    Raises
    ------
    IchError
        As ``thresholds.flagging``.
    """
    results, flagged_by = resources.results, flagging(resources)
    shown = shown_step(sequence=resources.networks.sequence == "on")
    return fingerprint(
        {
            "code": CODE_VERSIONS[DICOM_RESULTS],
            "from": {n: versions.get(n, "") for n in (SOURCE, PROCESSED, SALIENCY, shown)},
            "objects": results.dicom,
            "parametric_map": results.parametric_map,
            "threshold": None if flagged_by is None else flagged_by.threshold,
            "scale": resources.saliency.appearance.scale,
        }
    )


def objects_hold(
    study: str,
    record: Record[Content],
    versions: Mapping[str, str],
    resources: SeriesResources,
) -> bool:
    """Return whether a series has all that is asked for.

    Objects that are there stay when only the row of the key file is asked for.

    Parameters
    ----------
    study : str
        StudyInstanceUID.
    record : Record
        Of the step.
    versions : mapping of str to str
        Data version of each of its inputs.
    resources : SeriesResources
        Options.

    Raises
    ------
    IchError
        If the key file or the threshold cannot be read.
    """
    keys = resources.results.key_table
    if keys is not None and not has_study(keys, study):
        return False
    if resources.results.dicom == "off":
        return record.content.was_made_from(versions, record.inputs_digest)
    return record.inputs_digest == objects_digest(versions, resources)


def lacks_maps(content: Content, results: ResultsResource) -> bool:
    """Return whether panels of an earlier version lack the maps that DICOM objects need."""
    lacking = isinstance(content, SaliencyContent) and content.maps is None
    return lacking and results.dicom == "on"


def judged_with_objects(
    series: SeriesRecord,
    records: Mapping[str, Record[Content]],
    failure: Failure | None,
    results: ResultsResource,
) -> SeriesOutcome:
    """Return what became of a series; see ``outcome.judge_outcome`` for the first parameters.

    Parameters
    ----------
    series, records, failure
        As there.
    results : ResultsResource
        What is asked for. Objects that are not asked for cannot be missing.
    """
    asked = results.names_patients
    if failure is not None and failure.step == DICOM_RESULTS and not asked:
        failure = None
    found = judge_outcome(series, records, failure)
    if not asked or not found.scored or DICOM_RESULTS in records or found.after_scoring:
        return found
    return replace(found, after_scoring="no run has made what is asked for")
