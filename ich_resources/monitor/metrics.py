"""What the monitor knows, as metrics of Prometheus."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ich_resources.monitor.health import State

QUEUED = ("due", "requested")
"""Phases of complete series whose runs have not begun."""


def exposition(state: State) -> bytes:
    """Return the metrics in Prometheus's text format.

    Parameters
    ----------
    state : State
        What is known.
    """
    registry = CollectorRegistry()
    registry.register(_Known(state))
    return generate_latest(registry)


class _Known(Collector):
    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        state, look = self._state, self._state.look
        yield _one("ich_look_age_seconds", "Since the monitor has looked", state.look_age_s)
        yield _many("ich_up", "Whether a service answers", "service", state.services)
        yield _many("ich_disk_free_bytes", "Free space", "folder", look.free)
        yield _one("ich_index_readable", "Whether the index can be read", not look.unreadable)
        stalls = dict.fromkeys(look.stalls, 1)
        yield _many("ich_inbox_stalled_by", "What stalls the inbox, by code", "code", stalls)
        yield _one("ich_inbox_stalled", "Whether the inbox is stalled", bool(look.stalls))
        if look.tick_age_s is not None:
            yield _one("ich_last_tick_age_seconds", "Since a tick has ended", look.tick_age_s)
        yield from _inbox(state)
        messages = GaugeMetricFamily(
            "ich_messages", "Messages that are not delivered", labels=("hook", "state")
        )
        for hook, counts in state.messages.items():
            for name, number in counts.items():
                messages.add_metric((hook, name), number)
        yield messages


def _inbox(state: State) -> Iterator[Metric]:
    inbox = state.look.inbox
    if inbox is None:
        return
    queued = sum(inbox.phases.get(phase, 0) for phase in QUEUED)
    yield _one("ich_queue_length", "Complete series whose runs have not begun", queued)
    waits = state.look.waits_s
    yield _one("ich_oldest_waiting_seconds", "Of the oldest series in the queue", waits)
    yield _one("ich_files_unread", "Files that are still to be read", inbox.unread)
    yield _many("ich_series", "Series in each phase", "phase", inbox.phases)
    yield _many("ich_failures", "Failed series, by reason code", "code", inbox.failures)
    latest = inbox.to_result.get("last_24_hours", {})
    shares = {"0.5": latest.get("p50"), "0.95": latest.get("p95")}
    yield _many(
        "ich_seconds_to_result",
        "From complete to result, of the results of the last 24 hours",
        "quantile",
        {share: value for share, value in shares.items() if value is not None},
    )
    results = latest.get("series", 0)
    yield _one("ich_results_last_24_hours", "Results of the last 24 hours", results)


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _many(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), float(value))
    return family
