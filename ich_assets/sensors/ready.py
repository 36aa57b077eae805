"""``python -m ich_assets.sensors.ready``: what ``make up`` checks before it starts anything."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import dagster as dg

from ich_assets.jobs.preflight import check_device, check_weights, require_apart
from ich_assets.resources import SeriesResources
from ich_assets.runtime.places import require_enough_runs
from ich_assets.sensors.live_config import configured, live_config
from ich_resources.dicom.resource import DicomResource
from ich_resources.errors import MACHINE_FAULTS, IchError
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.sending.resource import SendResource
from ich_resources.storage.resource import ResultsResource, StorageResource

SINGLE_RUNS = (
    "WARNING: inbox.single_runs in LIVE_CONFIG has no effect any more -> remove it; inbox.ahead "
    "and inbox.bite_seconds say how many series a run takes"
)
"""What is said of a LIVE_CONFIG of version 0.1."""


class Check(NamedTuple):
    """One thing that is looked at.

    Attributes
    ----------
    name : str
        What it is, for people.
    look : callable
        Returns what was found, or None; raises IchError with a remedy if something is wrong.
    """

    name: str
    look: Callable[[], object]


def checks(instance: dg.DagsterInstance) -> list[Check]:
    """Return what live operation needs, from LIVE_CONFIG and the environment.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It has the limits of the queue.

    Raises
    ------
    IchError
        If LIVE_CONFIG cannot be read: the other checks would look at the wrong places.
    """
    config = live_config()
    inbox = configured(InboxResource(), "inbox", config)
    send = configured(SendResource(), "send", config)
    resources = SeriesResources(
        configured(DicomResource(), "dicom", config),
        configured(NetworksResource(), "networks", config),
        configured(SaliencyResource(), "saliency", config),
        configured(PanelsResource(), "panels", config),
        configured(StorageResource(), "storage", config),
        configured(ResultsResource(), "results", config),
    )
    return [
        Check(
            "max_concurrent_runs and the pool",
            lambda: require_enough_runs(instance, sends=send.automatic),
        ),
        Check("priority rules", lambda: inbox.rules and None),
        Check("sending", lambda: _check_sending(send)),
        Check("inbox", lambda: require_apart(resources.storage.layout.run_root, inbox.folder)),
        Check("checkpoints", lambda: check_weights(resources)),
        Check("device", lambda: check_device(resources)),
    ]


def faults(instance: dg.DagsterInstance) -> list[str]:
    """Return what is wrong, a sentence each; empty if nothing is.

    An ERROR would stop live operation. With a WARNING it may begin.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It has the limits of the queue.
    """
    try:
        to_check = checks(instance)
    except IchError as err:
        return [f"ERROR: {err}"]
    found = []
    for check in to_check:
        try:
            check.look()
        except IchError as err:
            # Live operation may begin: series wait until a fault of the machine is gone.
            waits = {err.code, type(err).__name__} & MACHINE_FAULTS
            found.append(f"{'WARNING' if waits else 'ERROR'}: {err}")
    return found


def _check_sending(send: SendResource) -> None:
    """Check that the destinations can be used, where results are sent by themselves.

    Raises
    ------
    IchError
        If one cannot, or none is set.
    """
    if send.automatic:
        for to in send.chosen_by([]):
            send.require_usable(to)


def notices() -> list[str]:
    """Return what is set and has no effect; see ``faults`` for what is wrong."""
    try:
        inbox = configured(InboxResource(), "inbox", live_config())
    except IchError:
        return []
    return [SINGLE_RUNS] if inbox.single_runs is not None else []


def main() -> int:
    """Print what has no effect and what would stop live operation; return the exit status."""
    with dg.DagsterInstance.get() as instance:
        found = faults(instance)
    for sentence in (*notices(), *found):
        sys.stderr.write(f"{sentence}\n")
    return 1 if any(sentence.startswith("ERROR") for sentence in found) else 0


if __name__ == "__main__":
    sys.exit(main())
