"""Which results of a series are valid for the current slices, checkpoints and options."""

from collections.abc import Mapping

from ich_assets.asked_objects import judged_with_objects, lacks_maps, objects_hold
from ich_assets.inputs_digests import FORMULAS
from ich_assets.resources import SeriesResources
from ich_resources.series import SeriesRecord
from ich_resources.steps import DICOM_RESULTS, PROCESSED, SOURCE, Step, chosen_steps
from ich_resources.storage.chain import Accepts, walk
from ich_resources.storage.content import Content
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.record import Record
from ich_resources.subjects import series_subject


def series_steps(resources: SeriesResources) -> list[str]:
    """Return the steps of a series in order that backbones and options choose."""
    return [step.name for step in _chosen(resources)]


def _chosen(resources: SeriesResources) -> tuple[Step, ...]:
    return chosen_steps([b.name for b in resources.networks.chosen], resources.options)


def current_records(series: SeriesRecord, resources: SeriesResources) -> dict[str, Record[Content]]:
    """Return the results of a series that are valid for its slices, checkpoints and options.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    resources : SeriesResources
        Checkpoints and options.
    """

    def accepts(step: Step, record: Record[Content], versions: Mapping[str, str]) -> bool:
        if record.content.worth_repeating and resources.dicom.on_bad_slice == "fail":
            return False
        if lacks_maps(record.content, resources.results):
            return False
        if step.name == DICOM_RESULTS:
            return objects_hold(series.study_instance_uid, record, versions, resources)
        return record.inputs_digest == FORMULAS[step.code](step, versions, resources)

    if series.count("failed") and resources.dicom.on_bad_slice == "fail":
        return {}
    return _walk(series, resources, accepts)


def _walk(
    series: SeriesRecord, resources: SeriesResources, accepts: Accepts
) -> dict[str, Record[Content]]:
    return walk(
        resources.storage.records,
        series_subject(series.series_instance_uid),
        _chosen(resources),
        {SOURCE: series.version},
        accepts,
    )


def may_hold(series: SeriesRecord, resources: SeriesResources) -> set[str]:
    """Return the steps whose results are valid if ``processed_series`` gives the same images again.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    resources : SeriesResources
        Checkpoints and options.
    """

    def accepts(step: Step, record: Record[Content], versions: Mapping[str, str]) -> bool:
        if step.name == PROCESSED:
            return record.content.was_made_from(versions, record.inputs_digest)
        return record.inputs_digest == FORMULAS[step.code](step, versions, resources)

    return set(_walk(series, resources, accepts))


def outcome(series: SeriesRecord, resources: SeriesResources) -> SeriesOutcome:
    """Return what became of a series of the ledger, with the current checkpoints and options."""
    records = current_records(series, resources) if series.to_be_scored else {}
    failure = resources.storage.records.failures.find(series_subject(series.series_instance_uid))
    return judged_with_objects(series, records, failure, resources.results)
