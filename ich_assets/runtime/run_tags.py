"""Run tags: where a run was made, and which run it belongs to."""

import socket

HOST_TAG = "ich/host"
"""Run tag: the machine (or container) on which the process of the run was started."""
REQUEST_TAG = "ich/offer"
"""Run tag of a request of the sensor: an id of its own, so that no request is ever forgotten."""
HANG_TAG = "ich/hang_seconds"
"""Run tag: after this time, in seconds, a series that is under way is taken for hung."""
PRIORITY_TAG = "dagster/priority"
"""Run tag of Dagster: its queue starts runs with a higher whole number first."""
BATCH_TAG = "ich/batch"
"""Run tag of a run inside a batch: the run id of the batch."""


def host_tag() -> dict[str, str]:
    """Return the run tag of this machine."""
    return {HOST_TAG: socket.gethostname()}
