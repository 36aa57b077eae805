"""Which due series are requested now, and which of them together: decided without Dagster."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from ich_resources.series import SeriesRecord

RECENT_S = 15 * 60.0
"""A series whose last file is not older than this many seconds goes before older ones."""
OLDEST_EVERY = 4
"""Each request with a number that this divides goes to the oldest due series."""


class DueSeries(NamedTuple):
    """A series for which a run may be requested.

    Attributes
    ----------
    series, study : str
        SeriesInstanceUID and StudyInstanceUID.
    arrived : float
        When its last file came, in seconds since 1970.
    slices : int
        Number of its slices to be scored.
    priority : int
        From the rules of the site; 0 where none fits.
    alone : bool
        Whether a run died while it worked on it: it then has a run of its own.
    """

    series: str
    study: str
    arrived: float
    slices: int
    priority: int = 0
    alone: bool = False


class Request(NamedTuple):
    """One run to request.

    Attributes
    ----------
    series : tuple of str
        SeriesInstanceUIDs, in the order in which they are to be scored.
    priority : int
        The highest of their studies.
    """

    series: tuple[str, ...]
    priority: int


class Queue(NamedTuple):
    """What is requested already, and what a request may hold.

    Attributes
    ----------
    unsettled : int
        Number of requested runs that have not ended.
    queued : tuple of int
        Priorities of those of them that have not started.
    ahead : int
        How many may be unsettled.
    made : int
        Number of requests that were ever made.
    bite_seconds : float
        A request for several studies takes about this time, in seconds.
    seconds_per_slice : float
        As measured; 0 where nothing was measured yet.
    """

    unsettled: int
    queued: tuple[int, ...]
    ahead: int
    made: int
    bite_seconds: float
    seconds_per_slice: float


class _Unit(NamedTuple):
    """Series that are requested together: those of a study, or one that runs alone."""

    series: tuple[DueSeries, ...]
    priority: int
    arrived: float

    @property
    def slices(self) -> int:
        return sum(item.slices for item in self.series)


def choose(due: Iterable[DueSeries], queue: Queue, now: float) -> list[Request]:
    """Return the runs to request now.

    Higher priorities go first, then series that came in the last 15 minutes, then the older ones;
    among equals the one that waits longest. Every fourth request goes to the oldest of all, so
    that each gets its turn. Where more studies are due than requests are free, a request takes
    further studies of the same priority, up to ``bite_seconds``. Beyond ``ahead`` one more request
    is made for a study with a higher priority than everything that is queued.

    Parameters
    ----------
    due : iterable of DueSeries
        Every due series.
    queue : Queue
        What is requested already.
    now : float
        The time, in seconds since 1970.
    """
    units = _units(due, now)
    requests: list[Request] = []
    unsettled, queued, made = queue.unsettled, list(queue.queued), queue.made
    while units:
        free = queue.ahead - unsettled
        if free <= 0:
            urgent = units[0].priority > max(queued, default=0)
            if unsettled > queue.ahead or not urgent:
                break
            first = units[0]
        elif (made + 1) % OLDEST_EVERY == 0:
            first = min(units, key=lambda unit: unit.arrived)
        else:
            first = units[0]
        units.remove(first)
        bite = [first]
        if len(units) >= free > 0 and not _alone(first):
            bite += _more(first, units, queue)
            units = [unit for unit in units if unit not in bite]
        requests.append(_request(bite))
        queued.append(first.priority)
        unsettled, made = unsettled + 1, made + 1
    return requests


def _units(due: Iterable[DueSeries], now: float) -> list[_Unit]:
    """Return what is requested together, in the order in which it is due."""
    ordered = sorted(due, key=lambda item: (item.study, item.alone, item.series))
    units = []
    for (_, alone), members in groupby(ordered, key=lambda item: (item.study, item.alone)):
        together = list(members)
        for group in [[item] for item in together] if alone else [together]:
            priority = max(item.priority for item in group)
            arrived = max(item.arrived for item in group)
            units.append(_Unit(tuple(group), priority, arrived))

    def rank(unit: _Unit) -> tuple[int, bool, float, str]:
        old = now - unit.arrived > RECENT_S
        return -unit.priority, old, unit.arrived, unit.series[0].series

    return sorted(units, key=rank)


def _alone(unit: _Unit) -> bool:
    return any(item.alone for item in unit.series)


def _more(first: _Unit, units: Sequence[_Unit], queue: Queue) -> list[_Unit]:
    """Return the units that fit into one request beside the first."""
    found: list[_Unit] = []
    if not queue.seconds_per_slice:
        return found
    seconds = first.slices * queue.seconds_per_slice
    for unit in units:
        if unit.priority != first.priority or _alone(unit):
            continue
        seconds += unit.slices * queue.seconds_per_slice
        if seconds > queue.bite_seconds:
            break
        found.append(unit)
    return found


def _request(units: Sequence[_Unit]) -> Request:
    series = tuple(item.series for unit in units for item in unit.series)
    return Request(series, max(unit.priority for unit in units))


def primary_first(found: Sequence[SeriesRecord]) -> tuple[str, ...]:
    """Return the SeriesInstanceUIDs of a request, the best series of each study first.

    Parameters
    ----------
    found : sequence of SeriesRecord
        The series of the request; the studies stay in their order.
    """
    studies = list(dict.fromkeys(series.study_instance_uid for series in found))
    ordered = sorted(found, key=lambda s: (studies.index(s.study_instance_uid), not s.primary))
    return tuple(series.series_instance_uid for series in ordered)
