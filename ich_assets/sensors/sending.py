"""dicom_sending: with send.automatic, new DICOM objects get a run of ich_send."""

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from ich_assets.jobs.deliveries import current_objects, series_with_objects
from ich_assets.jobs.send import ich_send
from ich_assets.runtime.run_tags import PRIORITY_TAG
from ich_assets.sensors.live_config import configured, live_config
from ich_resources.errors import IchError
from ich_resources.sending.resource import SendResource
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.sent import read_sent
from ich_resources.subjects import series_subject

SECONDS_BETWEEN_TICKS = 30
_LOWEST = "-1000000"
"""Priority in Dagster's queue: every scoring goes first."""
_MOST_SERIES = 100
_LOOKING_S = 5.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 60.0, 3600.0
_SETTLED: dict[str, tuple[object, ...]] = {}
"""What was on disk of each series that had nothing to send: such a series is not read again."""


@dg.sensor(
    job=ich_send,
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def dicom_sending(
    context: dg.SensorEvaluationContext, send: SendResource, storage: StorageResource
) -> dg.SensorResult | dg.SkipReason:
    """Request a run of ich_send where a series has DICOM objects that were not sent yet.

    Only with send.automatic in LIVE_CONFIG. At most one run is requested at a time, with the
    lowest priority and without a place in the pool. After a run that failed the next one waits a
    minute, then twice as long each time, an hour at most.
    """
    config = live_config()
    send = configured(send, "send", config)
    if not send.automatic:
        return dg.SkipReason("send.automatic is not set: only a person sends")
    storage = configured(storage, "storage", config)
    wait = seconds_to_wait(context.instance, time.time())
    if wait is None:
        return dg.SkipReason("a run of ich_send has not ended")
    if wait > 0:
        return dg.SkipReason(f"the last run of ich_send failed: the next waits {wait:.0f} s")
    due = due_series(storage, [to.place for to in send.chosen_by([])])
    if not due:
        return dg.SkipReason("nothing is left to be sent")
    sections = config.get("resources", {})
    resources = {name: sections[name] for name in ("send", "storage") if name in sections}
    run_config = {
        "resources": resources,
        "ops": {"send_results": {"config": {"series": due, "refused": False}}},
    }
    request = dg.RunRequest(run_config=run_config, tags={PRIORITY_TAG: _LOWEST})
    return dg.SensorResult(run_requests=[request])


def seconds_to_wait(instance: dg.DagsterInstance, now: float) -> float | None:
    """Return how long the next run has to wait; None while a run has not ended.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It knows the runs.
    now : float
        The time, in seconds since 1970.
    """
    failed, ended = 0, 0.0
    records = instance.get_run_records(RunsFilter(job_name=ich_send.name), limit=10)
    if not all(record.dagster_run.is_finished for record in records):
        return None
    for record in records:
        if record.dagster_run.status == DagsterRunStatus.SUCCESS:
            break
        failed += 1
        ended = max(ended, record.end_time or record.update_timestamp.timestamp())
    if not failed:
        return 0.0
    longest = min(_FIRST_WAIT_S * 2 ** (failed - 1), _LONGEST_WAIT_S)
    return max(ended + longest - now, 0.0)


def due_series(storage: StorageResource, places: Sequence[str]) -> list[str]:
    """Return series with objects that a destination has not answered, some of them at most.

    Parameters
    ----------
    storage : StorageResource
        It holds the records and the ledger.
    places : sequence of str
        The digits of each destination.
    """
    series = series_with_objects(storage.layout)
    random.shuffle(series)  # if the time does not suffice, the next tick looks at others
    end = time.monotonic() + _LOOKING_S
    due: list[str] = []
    for uid in series:
        if len(due) >= _MOST_SERIES or time.monotonic() > end:
            break
        folder = storage.layout.folder(series_subject(uid))
        state = (*places, *_times(folder))
        if _SETTLED.get(str(folder)) == state:
            continue
        if _is_due(storage, uid, places):
            due.append(uid)
        else:
            _SETTLED[str(folder)] = state
    return sorted(due)


def _times(folder: Path) -> list[tuple[str, int]]:
    with os.scandir(folder) as found:
        files = [entry for entry in found if entry.name.endswith(".json")]
        return sorted((entry.name, entry.stat().st_mtime_ns) for entry in files)


def _is_due(storage: StorageResource, uid: str, places: Sequence[str]) -> bool:
    try:
        files, sent = current_objects(storage, uid), read_sent(storage.layout, series_subject(uid))
    except IchError:
        return True  # ich_send says what is wrong
    return any(sent.is_due(place, files) for place in places)
