"""ich_retire: partitions whose results lie on disk leave Dagster; the results stay."""

from collections import Counter
from datetime import UTC, date, datetime

import dagster as dg
import pandas as pd
from dagster import RunsFilter
from pydantic import Field

from ich_assets.partitions import SERIES
from ich_assets.sensors.requests import outcome_on_disk
from ich_resources.errors import IchError, StorageError
from ich_resources.recipe import SALIENCY
from ich_resources.storage.resource import StorageResource


class RetireConfig(dg.Config):
    """What is old."""

    before: str = Field(
        description="A day, as in 2026-01-31: series finished before it are retired."
    )
    delete_runs: bool = Field(
        default=False, description="Also delete the runs of the series, which take most space."
    )
    dry_run: bool = Field(default=False, description="Only say what would be retired.")


@dg.op(out=dg.Out(dg.Nothing))
def retire_series(
    context: dg.OpExecutionContext, config: RetireConfig, storage: StorageResource
) -> None:
    """Remove the partitions of old series; one whose results are not all on disk stays.

    A retired series is a partition again as soon as it is scanned again or a late slice comes.
    """
    try:
        before = datetime.combine(date.fromisoformat(config.before), datetime.min.time(), UTC)
    except ValueError as err:
        raise dg.Failure(
            f"before: {config.before!r} is no day: {err}", allow_retries=False
        ) from err
    name = str(SERIES.name)
    partitions = context.instance.get_dynamic_partitions(name)
    in_tables = _in_tables(storage)
    kept: Counter[str] = Counter()
    retired = []
    for uid in partitions:
        why = _why_kept(storage, uid, before, in_tables)
        if why:
            kept[why] += 1
            continue
        retired.append(uid)
        if config.dry_run:
            continue
        if config.delete_runs:
            _delete_runs(context.instance, uid)
        context.instance.delete_dynamic_partition(name, uid)
    verb = "would be retired" if config.dry_run else "retired"
    context.log.info(f"Partitions: {len(partitions)}, {verb}: {len(retired)}")
    for why, number in sorted(kept.items()):
        context.log.info(f"  kept {number}: {why}")
    context.add_output_metadata({"retired": len(retired), "kept": sum(kept.values()), **kept})


def _in_tables(storage: StorageResource) -> set[str]:
    path = storage.layout.output / "predictions_per_series.csv"
    if not path.is_file():
        raise StorageError("there are no tables yet", path=path, remedy="materialise run_outputs")
    table = pd.read_csv(path, dtype=str)
    return set(table.loc[table["slices_scored"].astype(int) > 0, "series_id"])


def _why_kept(
    storage: StorageResource, series_uid: str, before: datetime, in_tables: set[str]
) -> str:
    record = storage.layout.record(series_uid, SALIENCY)
    if not record.is_file():
        return "no result on disk"
    if datetime.fromtimestamp(record.stat().st_mtime, UTC) >= before:
        return "finished later"
    try:
        state = outcome_on_disk(storage, series_uid).state
    except IchError:
        return "its ledger entry cannot be read"
    if state not in ("done", "incomplete"):
        return f"its result is {state}"
    return "" if series_uid in in_tables else "not in the tables yet"


def _delete_runs(instance: dg.DagsterInstance, series_uid: str) -> None:
    for run in instance.get_runs(RunsFilter(tags={"dagster/partition": series_uid})):
        if run.is_finished:
            instance.delete_run(run.run_id)


@dg.job(executor_def=dg.in_process_executor)
def ich_retire() -> None:
    """Remove the partitions of series finished before a day; their results stay on disk."""
    retire_series()
