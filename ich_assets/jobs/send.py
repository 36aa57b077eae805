"""ich_send: the DICOM objects of results go to a PACS or an archive, once each."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from ich_assets.jobs.deliveries import Delivery, series_with_objects, settle_all
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.runtime.retries import NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_resources.errors import SendError
from ich_resources.locks import exclusive_lock
from ich_resources.sending.resource import SendResource
from ich_resources.storage.layout import Layout
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.sent_table import write_sent_table


class SendConfig(dg.Config):
    """What is sent, and where to."""

    series: list[str] = Field(
        default=[], description="SeriesInstanceUIDs. Empty: every series with DICOM objects."
    )
    destinations: list[str] = Field(
        default=[], description="Names of destinations. Empty: every one that is configured."
    )
    refused: bool = Field(
        default=True, description="Whether objects that a destination has refused go once more."
    )


# No pool: it holds no networks, and a destination that does not answer must not stop a scoring.
@dg.op(out=dg.Out(dg.Nothing))
def send_results(
    context: dg.OpExecutionContext,
    config: SendConfig,
    storage: StorageResource,
    send: SendResource,
) -> None:
    """Send each DICOM object that a destination has not accepted; fail if one could not be sent.

    Raises
    ------
    dagster.Failure
        If something could not be sent; it names each series.
    """
    deliveries = _deliveries(config, storage.layout, send)
    with _alone(storage.layout):
        known = series_with_objects(storage.layout)
        unknown = sorted(set(config.series) - set(known))
        problems = [f"series {uid}: it has no DICOM objects" for uid in unknown]
        chosen = [uid for uid in known if not config.series or uid in config.series]
        if not known:
            problems.append("no series has DICOM objects")
        problems += settle_all(
            deliveries, chosen, storage, context.log.info, asked=bool(config.series)
        )
        path, damaged = write_sent_table(storage.layout)
    for delivery in deliveries:
        context.log.info(f"{delivery.to.name}: {delivery.accepted} objects accepted")
        for warning in delivery.warnings:
            context.log.warning(f"{delivery.to.name}: {warning}")
    context.log.info(f"The list of sent objects is {path}")
    context.add_output_metadata(
        {
            "series": len(chosen),
            "accepted": sum(delivery.accepted for delivery in deliveries),
            "problems": len(problems) + len(damaged),
            "path": dg.MetadataValue.path(str(path)),
        }
    )
    problems += damaged
    if problems:
        raise dg.Failure(
            f"Not sent: {len(problems)} (see {path}) -> run the same command again; "
            "accepted objects are not sent again:\n  " + "\n  ".join(problems),
            allow_retries=False,
        )


def _deliveries(config: SendConfig, layout: Layout, send: SendResource) -> list[Delivery]:
    """Return a delivery for each chosen destination, once all of them can be used."""
    chosen = send.chosen_by(config.destinations)
    for to in chosen:
        send.require_usable(to)
    return [Delivery(to, send, layout, config.refused) for to in chosen]


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Hold the lock of sending.

    Raises
    ------
    SendError
        If another run sends at the moment.
    """
    try:
        with exclusive_lock(layout.sending_lock, wait=False):
            yield
    except BlockingIOError as err:
        raise SendError(
            "another run sends at the moment",
            path=layout.run_root,
            remedy="run the same command again once it has ended",
        ) from err


@dg.job(
    executor_def=dg.in_process_executor, tags={**host_tag(), **NO_CRASH_RETRIES}, **TERSE_CONSOLE
)
def ich_send() -> None:
    """Send the DICOM objects of results to a PACS or an archive."""
    send_results()
