"""Results on disk that a Dagster instance does not know yet."""

from collections.abc import Mapping

import dagster as dg

from ich_assets.current_records import current_records
from ich_assets.metadata import DATA_VERSION_TAG
from ich_assets.resources import SeriesResources
from ich_resources.series import SeriesRecord
from ich_resources.storage.content import Content
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


def report_existing(
    context: dg.OpExecutionContext, resources: SeriesResources, series: SeriesRecord
) -> None:
    """Report to this Dagster instance the results that another instance, or none, has made.

    Without it the UI of a new DAGSTER_HOME shows a finished run root as empty.
    """
    records, uid = current_records(series, resources), series.series_instance_uid
    for event in unknown_results(context.instance, resources.storage, uid, records):
        context.log_event(event)


def unknown_results(
    instance: dg.DagsterInstance,
    storage: StorageResource,
    series_uid: str,
    records: Mapping[str, Record[Content]],
) -> list[dg.AssetMaterialization]:
    """Return an event for each result that a Dagster instance does not know.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It is asked for the last event of each step.
    storage : StorageResource
        Where the records are.
    series_uid : str
        SeriesInstanceUID, the partition.
    records : mapping of str to Record
        The results, by step.
    """
    events = []
    for step, record in records.items():
        key = dg.AssetKey(step)
        latest = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[series_uid]), limit=1
        ).records
        known = latest[0].asset_materialization if latest else None
        if known and (known.tags or {}).get(DATA_VERSION_TAG) == record.data_version:
            continue
        path = storage.layout.record(series_subject(series_uid), step)
        events.append(
            dg.AssetMaterialization(
                key,
                partition=series_uid,
                tags={DATA_VERSION_TAG: record.data_version},
                metadata={
                    "found_in": dg.MetadataValue.path(str(path)),
                    "seconds": record.content.seconds,
                },
            )
        )
    return events
