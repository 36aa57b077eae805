"""dicom_results: a series as DICOM objects for viewers and archives; its row in the key file."""

import time
from pathlib import Path

import dagster as dg

from ich_assets.asked_objects import objects_digest, objects_hold, require_objects_can_be_made
from ich_assets.object_files import Objects, write_objects
from ich_assets.object_sources import Sources, sources_of
from ich_assets.partitions import SERIES, series_of
from ich_assets.resources import SERIES_RESOURCES, SeriesResources
from ich_assets.runtime.retries import retrying_transient_errors
from ich_assets.step_results import finished_meanwhile
from ich_resources.steps import BY_NAME, CODE_VERSIONS, DICOM_RESULTS, ENSEMBLE
from ich_resources.storage.files import remove
from ich_resources.storage.key_file import KeyRow, add_row
from ich_resources.storage.objects_schema import ObjectsContent
from ich_resources.storage.record import Record
from ich_resources.subjects import series_subject


@dg.asset(
    name=DICOM_RESULTS,
    group_name="outputs",
    partitions_def=SERIES,
    deps=list(BY_NAME[DICOM_RESULTS].needs),
    kinds={"dicom"},
    code_version=CODE_VERSIONS[DICOM_RESULTS],
    required_resource_keys=SERIES_RESOURCES,
    op_tags={"dagster/priority": "1"},  # the tables say what was left out: they come after it
)
def dicom_results(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Write overlays, report and key images of a series as DICOM objects, and its key row.

    With results.dicom: on and results.key_file alone. These name the patient; nothing else does.
    """
    resources = SeriesResources.of(context)
    if not resources.results.names_patients:
        return dg.MaterializeResult(
            data_version=dg.DataVersion("off"), metadata={"left_out": "results.dicom is off"}
        )
    uid, storage = series_of(context), resources.storage
    working = storage.records.working_on(series_subject(uid), DICOM_RESULTS)
    with retrying_transient_errors(context), working:
        sources = sources_of(storage, uid)
        require_objects_can_be_made(resources, Path(sources.series.input_dir))
        digest = objects_digest(sources.versions, resources)
        taken = finished_meanwhile(context, storage, DICOM_RESULTS, digest)
        if taken is not None:
            return taken
        record = _made(sources, resources, digest)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version),
        metadata={
            "objects": len(record.files),
            "folder": dg.MetadataValue.path(str(storage.layout.dicom_objects(uid))),
            "left_out": record.content.left_out or "nothing",
            "seconds": record.content.seconds,
        },
    )


def _made(sources: Sources, resources: SeriesResources, digest: str) -> Record[ObjectsContent]:
    """Write the row of the key file, then the objects, then the record.

    Raises
    ------
    IchError
        If a source file is gone or has changed, or a result cannot be read, or a file be written.
    """
    started = time.perf_counter()
    storage, results = resources.storage, resources.results
    uid, study = sources.series.series_instance_uid, sources.series.study_instance_uid
    records = storage.records
    uids = [item.sop_instance_uid for item in sources.processed.content.slices]
    wanted = uids if results.dicom == "on" else uids[:1]
    headers = resources.dicom.source_headers(sources.series, wanted)
    if results.key_table is not None:
        values = {name: "".join(headers[0].get(name, ())[:1]) for name in KeyRow._fields}
        add_row(results.key_table, KeyRow(**values | {"StudyInstanceUID": study}))
    before = records.find_as(series_subject(uid), DICOM_RESULTS, ObjectsContent)
    if (
        results.dicom == "off"
        and before is not None
        and objects_hold(study, before, sources.versions, resources)
    ):
        return before
    records.begin(series_subject(uid), DICOM_RESULTS)
    written = Objects(digest, (), "")
    if results.dicom == "on":
        written = write_objects(sources, resources, headers, digest)
    folder = storage.layout.dicom_objects(uid)
    remove(path for path in folder.glob("*.dcm") if path.name not in written.names)
    content = ObjectsContent(
        source=sources.series.version,
        images=sources.processed.data_version,
        panels=sources.panels.data_version,
        bars=sources.ensemble.data_version,
        left_out=written.left_out,
        seconds=round(time.perf_counter() - started, 3),
    )
    if sources.step != ENSEMBLE:
        content = content.model_copy(update={"bars_from": sources.step})
    files = tuple(records.relative(folder / name) for name in written.names)
    record = Record(digest, written.version, files, content)
    records.finish(series_subject(uid), DICOM_RESULTS, record)
    return record
