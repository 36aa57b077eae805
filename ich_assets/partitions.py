"""One partition per series, keyed by SeriesInstanceUID."""

from collections.abc import Iterable

import dagster as dg

from ich_resources.errors import IchError

SERIES = dg.DynamicPartitionsDefinition(name="series")


def series_of(context: dg.AssetExecutionContext) -> str:
    """Return the SeriesInstanceUID of a run of one series.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of a step.

    Raises
    ------
    IchError
        If the run covers several series, as "single run" of the backfill dialog asks for.
    """
    keys = context.partition_keys
    if len(keys) > 1:
        raise IchError(
            f"this run covers {len(keys)} series, and each series needs a run",
            remedy="launch the backfill with multiple runs, or score the list with ich_backlog",
        )
    return str(keys[0])


def add_partitions(instance: dg.DagsterInstance, series: Iterable[str]) -> None:
    """Make series partitions; those that are partitions already do not matter."""
    known = set(instance.get_dynamic_partitions(str(SERIES.name)))
    new = [uid for uid in series if uid not in known]
    if new:
        instance.add_dynamic_partitions(str(SERIES.name), new)
