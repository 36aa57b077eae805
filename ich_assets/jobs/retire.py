"""ich_retire: removes the partitions of finished series from Dagster; the results stay on disk."""

from collections import Counter
from datetime import UTC, date, datetime

import dagster as dg
import pandas as pd
from dagster import RunsFilter
from pydantic import Field

from ich_assets.partitions import SERIES
from ich_resources.errors import IchError, StorageError
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.ledger import found_series
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


class RetireConfig(dg.Config):
    """Which series are old, and what is removed with them."""

    before: str = Field(
        description="A day, as in 2026-01-31: series finished before it are retired."
    )
    delete_runs: bool = Field(
        default=False, description="Also delete the runs of the series, which take most space."
    )
    dry_run: bool = Field(default=False, description="Only list what would be retired.")


@dg.op(out=dg.Out(dg.Nothing))
def retire_series(
    context: dg.OpExecutionContext, config: RetireConfig, storage: StorageResource
) -> None:
    """Remove the partitions of old series; a series whose results are not all on disk stays.

    A retired series becomes a partition again when it is scanned again or a late slice comes.

    Raises
    ------
    dagster.Failure
        If ``before`` is not a day.
    """
    try:
        before = datetime.combine(date.fromisoformat(config.before), datetime.min.time(), UTC)
    except ValueError as err:
        raise dg.Failure(
            f"before: {config.before!r} is not a day: {err}", allow_retries=False
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
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return set(table.loc[table["slices_scored"].astype(int) > 0, "series_id"])


def _why_kept(
    storage: StorageResource, series_uid: str, before: datetime, in_tables: set[str]
) -> str:
    finished_at = storage.records.finished_at(series_subject(series_uid))
    if finished_at is None:
        return "no result on disk"
    if finished_at >= before:
        return "finished later"
    try:
        state = outcome_on_disk(found_series(storage.layout, series_uid), storage.records).state
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
