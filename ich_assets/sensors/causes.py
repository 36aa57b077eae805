"""The fault of the machine that stands: seen by the sensor itself, or met by its runs."""

import json
from dataclasses import asdict

from ich_resources.arrivals import Cause
from ich_resources.environment import RUN_ROOT
from ich_resources.errors import CheckpointError, IchError
from ich_resources.inbox.faults import CAUSE_NOTE, PAUSED
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.machine import free_space
from ich_resources.storage.resource import StorageResource

BAD_RULE = "BAD_RULE"
"""Code of the cause that inbox.priorities holds something that is not a rule."""


def standing_cause(index: InboxIndex) -> Cause | None:
    """Return the fault that stood at the end of the last tick, None if there was none."""
    text = index.get_note(CAUSE_NOTE)
    return Cause(**json.loads(text)) if text else None


def keep_cause(index: InboxIndex, cause: Cause | None) -> None:
    """Store the fault that stands; a tick that changes nothing writes nothing."""
    if cause != standing_cause(index):
        index.set_note(CAUSE_NOTE, "" if cause is None else json.dumps(asdict(cause)))


def seen_fault(
    inbox: InboxResource, networks: NetworksResource, storage: StorageResource
) -> tuple[str, str] | None:
    """Return code and sentence of what stops every run, as far as a look tells.

    Only what is quickly seen is looked at: whether the checkpoints are there, and whether the disk
    has space. A run finds damaged checkpoints and absent devices.

    Parameters
    ----------
    inbox : InboxResource
        It may be paused.
    networks : NetworksResource
        Where the checkpoints are.
    storage : StorageResource
        Where the results go.
    """
    if inbox.paused:
        return PAUSED, "inbox.paused is set: arrivals are recorded, and no run is requested"
    try:
        _ = inbox.rules
    except IchError as err:
        return BAD_RULE, str(err)
    try:
        networks.require_present()
    except CheckpointError as err:
        return type(err).__name__, str(err)
    except IchError:
        pass  # the folder of the models may be known to the runs alone
    run_root = storage.layout.run_root
    try:
        free_space(run_root, RUN_ROOT)
    except IchError as err:
        return err.code, str(err)
    except OSError:
        pass  # a run says more
    return None
