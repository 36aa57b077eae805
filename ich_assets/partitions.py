"""One partition per series, keyed by SeriesInstanceUID."""

from collections.abc import Iterable

import dagster as dg

SERIES = dg.DynamicPartitionsDefinition(name="series")


def add_partitions(instance: dg.DagsterInstance, series: Iterable[str]) -> None:
    """Make series partitions; those that are partitions already do not matter."""
    known = set(instance.get_dynamic_partitions(str(SERIES.name)))
    new = [uid for uid in series if uid not in known]
    if new:
        instance.add_dynamic_partitions(str(SERIES.name), new)
