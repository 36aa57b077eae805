"""From files in the inbox to judged series, within one tick of the sensor."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ich_resources.arrivals import Arrival
from ich_resources.dicom.resource import DicomResource
from ich_resources.errors import IchError
from ich_resources.inbox import lifecycle
from ich_resources.inbox.files import FileFacts
from ich_resources.inbox.growth import OpenSeries, seconds_left
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.resource import InboxResource
from ich_resources.series import SeriesRecord
from ich_resources.storage.ledger import found_series
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

_AT_ONCE = 64
"""Files that are stored together."""


class Judged(NamedTuple):
    """An open series that is complete.

    Attributes
    ----------
    arrival : Arrival
        Its new state.
    series : SeriesRecord or None
        The entry to write; None where the ledger does not change.
    """

    arrival: Arrival
    series: SeriesRecord | None


def read_new_files(inbox: InboxResource, dicom: DicomResource, index: InboxIndex) -> None:
    """Read the headers of new and changed files; files left over wait for the next tick.

    Parameters
    ----------
    inbox : InboxResource
        ``files_per_tick`` and ``seconds_per_tick`` limit the work.
    dicom : DicomResource
        Reads the headers.
    index : InboxIndex
        Names the unread files, and keeps what their headers say.
    """
    began = time.monotonic()
    unread = index.unread(inbox.files_per_tick)
    for start in range(0, len(unread), _AT_ONCE):
        paths = unread[start : start + _AT_ONCE]
        left = inbox.seconds_per_tick - (time.monotonic() - began)
        index.store(_facts(paths, inbox, dicom, left))
        if time.monotonic() - began > inbox.seconds_per_tick:
            return


def _facts(
    paths: Sequence[str], inbox: InboxResource, dicom: DicomResource, seconds: float
) -> list[FileFacts]:
    """Return the facts of the first of the files: of those that there is time for."""
    facts = []
    files = dicom.scan_files(paths, inbox.folder, seconds=seconds)
    for path, file in zip(paths[: len(files)], files, strict=True):
        if file is None:
            facts.append(FileFacts(path, "other"))
        elif file.header is not None:
            header = file.header
            uids = header.study_instance_uid, header.series_instance_uid, header.sop_instance_uid
            facts.append(FileFacts(path, "slice", *uids, file.to_json()))
        elif os.path.lexists(inbox.folder / path):  # else it went while we looked
            facts.append(FileFacts(path, "stray", content=file.to_json()))
    return facts


def judge_complete_series(
    inbox: InboxResource,
    dicom: DicomResource,
    storage: StorageResource,
    index: InboxIndex,
    now: float,
) -> list[Judged]:
    """Judge each open series that is complete, within its study.

    The other open series are kept as arriving, with the seconds left.

    Parameters
    ----------
    inbox : InboxResource
        ``quiet_seconds`` says when a series is complete, ``series_per_tick`` how many are
        judged.
    dicom : DicomResource
        Judges the slices.
    storage : StorageResource
        Earlier results. A series that lacks slices of an earlier version is put on hold.
    index : InboxIndex
        Names the open series. Those that still grow are written to it.
    now : float
        The time, in seconds since 1970.

    Returns
    -------
    list of Judged
        Not yet written. Other series of a judged study are among them.
    """
    open_series = index.open_series()
    unread, markers = index.unread_folders(), index.markers()
    left = {
        g.series_instance_uid: seconds_left(
            g,
            now=now,
            quiet_seconds=inbox.quiet_seconds,
            unread_folders=unread,
            markers=markers,
        )
        for g in open_series
    }
    complete = [g for g in open_series if not left[g.series_instance_uid]][: inbox.series_per_tick]
    ready = {g.series_instance_uid: g for g in complete}
    waiting = [g for g in open_series if g.series_instance_uid not in ready]
    index.upsert(
        [lifecycle.arriving(_known(index, g), g, left[g.series_instance_uid]) for g in waiting]
    )
    not_yet = {g.series_instance_uid for g in waiting}
    judged: list[Judged] = []
    studies: set[str] = set()
    for item in complete:
        if item.study_instance_uid in studies:
            continue
        together = index.studies_judged_with(item.study_instance_uid)
        studies |= set(together)
        files = [file for study in together for file in index.contents(study)]
        files = [f for f in files if f["header"]["series_instance_uid"] not in not_yet]
        try:
            found = dicom.assemble(files, inbox.folder)
        except Exception as err:  # noqa: BLE001  (one study must not stop the others)
            judged += [
                Judged(_unjudged(ready[uid], err, index), None)
                for uid in {f["header"]["series_instance_uid"] for f in files} & set(ready)
            ]
            continue
        judged += _judge(found, ready, index, storage)
    return judged


def _known(index: InboxIndex, series: OpenSeries) -> Arrival:
    uid = series.series_instance_uid
    return index.arrival(uid) or Arrival(uid, series.study_instance_uid)


def _unjudged(series: OpenSeries, error: Exception, index: InboxIndex) -> Arrival:
    complete = lifecycle.arriving(_known(index, series), series, 0)
    return lifecycle.unjudged(complete, type(error).__name__)


def _judge(
    found: Sequence[SeriesRecord],
    ready: dict[str, OpenSeries],
    index: InboxIndex,
    storage: StorageResource,
) -> list[Judged]:
    judged = []
    for series in found:
        uid = series.series_instance_uid
        before = index.arrival(uid) or Arrival(uid, series.study_instance_uid)
        complete = ready.get(uid)
        gone = (
            _gone_slices(storage, series, before)
            if series.version != before.requested_version
            else 0
        )
        if complete is None and (before.version == series.version or gone):
            continue  # a sibling that nothing new has come of
        if complete is not None:
            before = replace(before, files=complete.files, last_seen=complete.last_seen)
        if gone:
            judged.append(Judged(lifecycle.on_hold(before, gone), None))
            continue
        judged.append(Judged(lifecycle.judged(before, series), series))
    return judged


def _gone_slices(storage: StorageResource, series: SeriesRecord, before: Arrival) -> int:
    """Return how many slices a version that was scored, or is to be, has and this one lacks."""
    uid = series.series_instance_uid
    if not before.requested_version and storage.records.finished_at(series_subject(uid)) is None:
        return 0
    try:
        last = found_series(storage.layout, uid)
    except IchError:
        return 0  # damaged: it is written again
    return len(
        {s.sop_instance_uid for s in last.slices} - {s.sop_instance_uid for s in series.slices}
    )
