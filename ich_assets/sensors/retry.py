"""ich_retry: failed series of live operation become due again; the sensor requests their runs."""

from collections import Counter
from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.runtime.retries import NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import PRIORITY_TAG, host_tag
from ich_assets.sensors.causes import standing_cause
from ich_assets.sensors.live_config import configured, live_config
from ich_assets.sensors.reporting import report_again
from ich_resources.errors import IchError
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.lifecycle import to_be_repeated, was_judged
from ich_resources.inbox.repeats import Failed, codes_in, to_repeat
from ich_resources.plain_text import one_line
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.failures import UNCHECKED
from ich_resources.storage.files import locked
from ich_resources.storage.ledger import read_scan
from ich_resources.storage.ledger_index import inbox_series
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

BATCH_COMMAND = "dagster job execute -m ich_assets.definitions -j ich_batch -c YOUR_RUN.yaml"
"""What repeats the failed series of a batch."""
_FIRST = {PRIORITY_TAG: "1000"}
"""A repeat needs a moment, and goes before the runs that it leads to."""


class RetryConfig(dg.Config):
    """Which of the failed series are repeated."""

    codes: list[str] = Field(
        default=[],
        description="Only series with one of these reason codes, as in inbox_ledger.csv. "
        "Empty: whatever the code.",
    )
    series: list[str] = Field(
        default=[], description="Only these series, by SeriesInstanceUID. Empty: all."
    )
    incomplete: bool = Field(
        default=False, description="Also series of which some slices failed: they are read again."
    )
    dry_run: bool = Field(default=False, description="Only list what would be repeated.")


@dg.op(out=dg.Out(dg.Nothing))
def repeat_failed(
    context: dg.OpExecutionContext, config: RetryConfig, storage: StorageResource
) -> None:
    """Make failed series of the inbox due again; for those of a batch, name the command.

    Raises
    ------
    dagster.Failure
        If a series of the configuration did not fail.
    """
    if not storage.run_root:  # otherwise it was named for this run
        storage = configured(storage, "storage", live_config())
    live = _repeat(context, config, storage) if storage.layout.inbox_index.is_file() else []
    batch = to_repeat(_failed_in_scan(storage), config.codes, config.series)
    missing = set(config.series).difference(item.series for item in (*live, *batch))
    if missing:
        raise dg.Failure(
            f"these series did not fail, or have other codes: {one_line(', '.join(missing))} -> "
            "look them up in output/inbox_ledger.csv",
            allow_retries=False,
        )
    context.add_output_metadata({"repeated": len(live), "of_a_batch": len(batch)})
    if batch:
        context.log.warning(
            f"Series of a batch that failed: {len(batch)}. The sensor does not repeat them -> give "
            f"the command of the batch again, which computes what is missing: {BATCH_COMMAND}"
        )


def _repeat(
    context: dg.OpExecutionContext, config: RetryConfig, storage: StorageResource
) -> list[Failed]:
    layout = storage.layout
    with locked(layout.inbox_lock), InboxIndex.open(layout.inbox_index) as index:
        states = ("failed", "incomplete") if config.incomplete else ("failed",)
        failed = [
            Failed(a.series_instance_uid, codes_in(a.codes, _code(storage, a.series_instance_uid)))
            for a in index.arrivals(*states)
        ]
        chosen = to_repeat(failed, config.codes, config.series)
        verb = "would be repeated" if config.dry_run else "to be repeated"
        context.log.info(f"Series of the inbox that failed: {len(failed)}, {verb}: {len(chosen)}")
        for code, number in sorted(Counter(c for item in chosen for c in item.codes).items()):
            context.log.info(f"  {code}: {number}")
        if chosen and not config.dry_run:
            _make_due(index, storage, chosen)
            cause = standing_cause(index)
            when = f"once this is gone: {cause.sentence}" if cause else "at its next tick"
            context.log.info(f"The sensor dicom_inbox requests their runs {when}")
    return chosen


def _code(storage: StorageResource, uid: str) -> str:
    note = storage.records.failures.find(series_subject(uid))
    return note.code if note is not None else ""


def _make_due(index: InboxIndex, storage: StorageResource, chosen: Sequence[Failed]) -> None:
    """Mark series as due. The note of each changes first: a kill in between leaves it failed."""
    failures = storage.records.failures
    for uid in (item.series for item in chosen):
        arrival = index.arrival(uid)
        if arrival is None or not was_judged(arrival):
            index.reopen([uid])
            continue
        note = failures.find(series_subject(uid))
        before = f"; before: {note.code}: {note.message}" if note is not None else ""
        # It is replaced, not removed: a failed check must not look as if it had passed.
        again = IchError(f"it is to be repeated{before}")
        failures.write(series_subject(uid), UNCHECKED, again)
        index.upsert([to_be_repeated(arrival)], ended=index.request_ids(arrival))
    report_again(index)


def _failed_in_scan(storage: StorageResource) -> list[Failed]:
    """Return the failed series of the last scan that did not come into the inbox."""
    layout = storage.layout
    if not layout.ledger.is_file():
        return []
    live = set(inbox_series(layout))
    scanned = [s for s in read_scan(layout).series if s.series_instance_uid not in live]
    outcomes = [outcome_on_disk(series, storage.records) for series in scanned]
    found = [
        (outcome.series.series_instance_uid, outcome.reasons)
        for outcome in outcomes
        if outcome.state == "failed"
    ]
    return [Failed(uid, codes_in(reasons, _code(storage, uid))) for uid, reasons in found]


@dg.job(
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **NO_CRASH_RETRIES, **_FIRST},
    **TERSE_CONSOLE,
)
def ich_retry() -> None:
    """Repeat what failed in live operation, all or by code; for a batch, name its command."""
    repeat_failed()
