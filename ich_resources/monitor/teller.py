"""From what a look at the inbox found to messages: each end of a series is told once."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ich_resources.clock import iso_now
from ich_resources.errors import IchError, StorageError
from ich_resources.hemorrhage import ANY
from ich_resources.inbox.reading import EndedSeries
from ich_resources.monitor.messages import Highest, Message, about_series, id_of, new_stalls
from ich_resources.monitor.outbox import Outbox
from ich_resources.storage.files import read_json, remove
from ich_resources.storage.layout import Layout
from ich_resources.storage.records import Records
from ich_resources.whole_files import part_name, write_whole
from ich_resources.worth import least

log = logging.getLogger("ich.monitor")


class Teller:
    """What was told, and what is new.

    The first time that hooks are set, the series that have ended before are not told.

    Parameters
    ----------
    layout : Layout
        Of the run root; the state is below its outbox.
    outboxes : sequence of Outbox
        One per hook. Each gets every message.
    threshold : float or None
        Results with this P(any) or a higher one are told; None: no result is.
    """

    def __init__(self, layout: Layout, outboxes: Sequence[Outbox], threshold: float | None) -> None:
        self._layout, self._outboxes, self._threshold = layout, outboxes, threshold
        self._path = layout.outbox / "told.json"
        self._series: dict[str, str] | None = None
        self._stalls: dict[str, str] = {}
        self._done_with: Sequence[EndedSeries] | None = None
        self._read()

    def _read(self) -> None:
        if not self._path.is_file():
            return
        try:
            value = read_json(self._path, remedy="")
            self._series = {str(k): str(v) for k, v in value["series"].items()}
            self._stalls = {str(k): str(v) for k, v in value["stalls"].items()}
        except (StorageError, KeyError, AttributeError, TypeError):
            log.error("%s is damaged: series that have ended before now are not told", self._path)
            remove([self._path])

    def tell(self, ended: Sequence[EndedSeries] | None, stalls: Mapping[str, str]) -> None:
        """Write the messages that are new, then what was told.

        A process that is killed between the two writes the same messages with the same ids again.

        Parameters
        ----------
        ended : sequence of EndedSeries or None
            Every series that has a result or has failed; None if that cannot be read now.
        stalls : mapping of str to str
            What stalls the inbox; see ``new_stalls``.

        Raises
        ------
        OSError
            If a file cannot be written. The next call tries again.
        """
        first = self._series is None
        if first and ended is None:
            return  # earlier results are not known yet
        if ended is not None and ended is self._done_with and stalls.keys() == self._stalls.keys():
            return
        time = iso_now()
        known, left = dict(self._series or {}), False
        messages, told_stalls = new_stalls(stalls, self._stalls, time)
        for series in ended or ():
            new = id_of(series)
            if known.get(series.series) == new:
                continue
            if not first:
                try:
                    messages += self._about(series, time)
                except IchError:
                    left = True  # it is being scored again at this moment: look again
                    continue
            known[series.series] = new
        for message in messages:
            for outbox in self._outboxes:
                outbox.add(message)
        if first or known != self._series or told_stalls != self._stalls:
            self._write({"series": known, "stalls": told_stalls})
        self._series, self._stalls = known, told_stalls
        self._done_with = None if left else ended

    def _about(self, series: EndedSeries, time: str) -> list[Message]:
        if series.state == "failed":
            return [about_series(series, time)]
        if self._threshold is None:
            return []
        highest = highest_any(self._layout, series.series)
        if highest is None or highest.p_any < self._threshold:
            return []
        return [about_series(series, time, highest, self._threshold)]

    def _write(self, value: Mapping[str, Any]) -> None:
        content = json.dumps(value).encode()
        write_whole(self._path, content, part_name(), durable=True, durable_name=True)


def highest_any(layout: Layout, series: str) -> Highest | None:
    """Return the highest P(any) of a series and what it is worth, None without probabilities.

    Parameters
    ----------
    layout : Layout
        Of the run root.
    series : str
        SeriesInstanceUID.

    Raises
    ------
    StorageError
        If its results are damaged, or another process makes them again.
    """
    # Late: only results above a threshold need pandas.
    from ich_resources.storage.chain import outcome_on_disk
    from ich_resources.storage.ledger import found_series
    from ich_resources.storage.shown_arrays import shown_probabilities

    outcome = outcome_on_disk(found_series(layout, series), Records(layout))
    values = shown_probabilities(layout, [outcome])[series]
    if values is None:
        return None
    worth = least(record.content.worth for record in outcome.records.values())
    return Highest(float(values[:, ANY].max()), worth)
