"""Results on disk that a Dagster instance does not know yet."""

from collections.abc import Mapping

import dagster as dg

from ich_assets.current_records import current_records
from ich_assets.metadata import DATA_VERSION_TAG
from ich_assets.resources import SeriesResources
from ich_resources.series import SeriesRecord
from ich_resources.storage.content import Content
from ich_resources.storage.layout import Layout
from ich_resources.storage.record import Record
from ich_resources.subjects import Subject, series_subject


def report_existing(
    context: dg.OpExecutionContext, resources: SeriesResources, series: SeriesRecord
) -> None:
    """Report to this Dagster instance the results that another instance, or none, has made.

    Without it the UI of a new DAGSTER_HOME shows a finished run root as empty.
    """
    records, uid = current_records(series, resources), series.series_instance_uid
    subject, layout = series_subject(uid), resources.storage.layout
    for event in unknown_results(context.instance, layout, subject, uid, records):
        context.log_event(event)


def unknown_results(
    instance: dg.DagsterInstance,
    layout: Layout,
    subject: Subject,
    partition: str | None,
    records: Mapping[str, Record[Content] | None],
) -> list[dg.AssetMaterialization]:
    """Return an event for each result that a Dagster instance does not know.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It is asked for the last event of each step.
    layout : Layout
        Where the records are.
    subject : Subject
        What the records are about.
    partition : str or None
        The partition of the steps; None where they have none.
    records : mapping of str to (Record or None)
        The results, by step; None where there is none.
    """
    partitions = None if partition is None else [partition]
    events = []
    for step, record in records.items():
        if record is None:
            continue
        key = dg.AssetKey(step)
        latest = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=partitions), limit=1
        ).records
        known = latest[0].asset_materialization if latest else None
        if known and (known.tags or {}).get(DATA_VERSION_TAG) == record.data_version:
            continue
        events.append(
            dg.AssetMaterialization(
                key,
                partition=partition,
                tags={DATA_VERSION_TAG: record.data_version},
                metadata={
                    "found_in": dg.MetadataValue.path(str(layout.record(subject, step))),
                    "seconds": record.content.seconds,
                },
            )
        )
    return events
