"""The runs that the sensor requests."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from ich_assets.graph import ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.runtime.run_tags import REQUEST_TAG
from ich_resources.arrivals import Arrival
from ich_resources.inbox.lifecycle import requested as requested_in


def request_runs(
    due: Sequence[Arrival], *, single_runs: int, run_config: Mapping[str, Any]
) -> tuple[list[dg.RunRequest], list[Arrival]]:
    """Return the run requests for series, and the new state of each series.

    Parameters
    ----------
    due : sequence of Arrival
        Series to be scored.
    single_runs : int
        Up to so many get a run each; more of them get one together, which loads networks once.
    run_config : mapping
        Run configuration of the requests.
    """
    # A series whose run died may have caused it: from now on it has a run of its own.
    alone = [a for a in due if a.attempts or len(due) <= single_runs]
    together = [a for a in due if a not in alone]
    requested = [requested_in(arrival, uuid.uuid4().hex) for arrival in alone]
    requests = [
        dg.RunRequest(
            job_name=ich_series.name,
            partition_key=arrival.series_instance_uid,
            tags={REQUEST_TAG: arrival.request_id},
            run_config=run_config,
        )
        for arrival in requested
    ]
    if not together:
        return requests, requested
    request_id = uuid.uuid4().hex
    requested += [requested_in(arrival, request_id) for arrival in together]
    ops = {"arrived_series": {"config": {"series": [a.series_instance_uid for a in together]}}}
    request = dg.RunRequest(
        job_name=ich_backlog.name,
        tags={REQUEST_TAG: request_id},
        run_config={**run_config, "ops": ops},
    )
    return [*requests, request], requested


def new_partitions(
    instance: dg.DagsterInstance, partitions: str, series: Iterable[str]
) -> list[str]:
    """Return the series that are not a partition yet."""
    return [uid for uid in series if not instance.has_dynamic_partition(partitions, uid)]
