"""series_ledger: every series below the input folder, taken or refused, with its reason."""

import time

import dagster as dg

from ich_assets.metadata import DATA_VERSION_TAG, table_metadata
from ich_assets.partitions import SERIES, add_partitions
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.plain_text import one_line
from ich_resources.series import Ledger, SeriesRecord
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.ledger import read_ledger, write_scan
from ich_resources.storage.ledger_tables import write_ledger_tables
from ich_resources.storage.resource import StorageResource

DICOM_SERIES = dg.AssetSpec(
    "dicom_series",
    group_name="ledger",
    kinds={"dicom"},
    partitions_def=SERIES,
    description="The DICOM files of one series, as the last scan found them. The data version is "
    "their content: a late or changed slice makes the series' results stale.",
)

INBOX_LEDGER = dg.AssetSpec(
    "inbox_ledger",
    group_name="ledger",
    kinds={"dicom", "csv"},
    description="Every series that ever came into the inbox, with its state (arriving, admitted, "
    "running, refused, done, incomplete, failed or held), codes and a sentence. The sensor "
    "dicom_inbox reports it after each change; output/inbox_ledger.csv has all rows.",
)


@dg.asset(group_name="ledger", kinds={"dicom"})
def series_ledger(
    context: dg.AssetExecutionContext, dicom: DicomResource, storage: StorageResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Read every header below the input folder, judge every slice, register the partitions.

    Every series found is listed with its counts; localizers, dose reports, secondary captures and
    everything that is not CT are refused with a reason code and a sentence. Files are only read.
    """
    started = time.perf_counter()
    ledger = dicom.scan()
    seconds = round(time.perf_counter() - started, 3)
    write_scan(storage.layout, ledger)
    _register(context, ledger)
    # Series of the inbox keep their rows.
    live = storage.layout.inbox_ledger.is_file()
    everything = read_ledger(storage.layout) if live else ledger
    outcomes = [outcome_on_disk(series, storage.records) for series in everything.series]
    table, not_scored = write_ledger_tables(storage.layout, everything, outcomes)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(
            fingerprint({s.series_instance_uid: s.version for s in ledger.series})
        ),
        metadata={
            "input": dg.MetadataValue.path(", ".join(ledger.input_dirs)),
            "ledger": dg.MetadataValue.path(str(storage.layout.ledger)),
            "seconds": seconds,
            "files_seen": ledger.files_seen,
            "files_not_dicom": ledger.files_not_dicom,
            "files_arriving": ledger.files_arriving,
            "series_found": len(ledger.series),
            "series_taken": sum(s.to_be_scored for s in ledger.series),
            "series_refused": sum(not s.to_be_scored for s in ledger.series),
            "files_in_no_series": len(ledger.unassigned),
            "series": table_metadata(table),
            "not_scored": table_metadata(not_scored),
        },
    )


def _register(context: dg.AssetExecutionContext, ledger: Ledger) -> None:
    """Make each series to be scored a partition, and report the version of its content."""
    taken = [series for series in ledger.series if series.to_be_scored]
    add_partitions(context.instance, [series.series_instance_uid for series in taken])
    for series in taken:
        context.log_event(series_arrived(series))


def series_arrived(series: SeriesRecord) -> dg.AssetMaterialization:
    """Return the event that reports the content of a series to Dagster."""
    return dg.AssetMaterialization(
        DICOM_SERIES.key,
        partition=series.series_instance_uid,
        tags={DATA_VERSION_TAG: series.version},
        metadata={
            "found": len(series.slices),
            "admitted": series.count("admitted"),
            "refused": series.count("refused"),
            "failed": series.count("failed"),
            "description": one_line(series.description),
        },
    )
