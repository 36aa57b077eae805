"""Run tags: where a run was made, and which run it belongs to."""

import socket

from ich_resources.tags import BATCH_TAG, HANG_TAG

__all__ = [
    "BATCH_TAG",
    "HANG_TAG",
    "HOST_TAG",
    "PART_OF_TAG",
    "PRIORITY_TAG",
    "REQUEST_TAG",
    "SERIES_TAG",
    "host_tag",
]

HOST_TAG = "ich/host"
"""Run tag: the machine (or container) on which the process of the run was started."""
REQUEST_TAG = "ich/offer"
"""Run tag of a request of the sensor: an id of its own, so that no request is ever forgotten."""
PART_OF_TAG = "ich/part_of"
"""Run tag for people: job of the run that a run is inside of, and the beginning of its id."""
SERIES_TAG = "ich/series"
"""Run tag for people: what a run of the sensor scores, a SeriesDescription or a number."""
PRIORITY_TAG = "dagster/priority"
"""Run tag of Dagster: its queue starts runs with a higher whole number first."""


def host_tag() -> dict[str, str]:
    """Return the run tag of this machine."""
    return {HOST_TAG: socket.gethostname()}
