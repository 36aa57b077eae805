"""``output/sent.csv``: what was sent where, as people read it."""

from pathlib import Path
from typing import Any

import pandas as pd

from ich_resources.errors import IchError
from ich_resources.storage.files import write_bytes
from ich_resources.storage.layout import Layout
from ich_resources.storage.sent import CONFIRMED, SentTo, read_sent
from ich_resources.storage.slice_tables import csv_bytes
from ich_resources.subjects import series_subject

SENT_COLUMNS = (
    "series_id",
    "destination",
    "state",
    "objects",
    "accepted",
    "refused",
    "confirmed",
    "earlier",
    "time",
    "sentence",
)
"""Columns of ``sent.csv``. ``earlier``: accepted objects of results that were replaced since."""


def sent_row(series_uid: str, to: SentTo) -> dict[str, Any]:
    """Return the row of one series and one destination.

    Parameters
    ----------
    series_uid : str
        SeriesInstanceUID.
    to : SentTo
        What became of its objects there.
    """
    objects = [to.objects[sha] for sha in to.current]
    states = [one.state for one in objects]
    state = "sent"
    if "waiting" in states:
        state = "waiting"
    elif "refused" in states:
        state = "refused"
    elif not objects:
        state = "outdated"
    said = [one.sentence for one in objects if one.state != "accepted"]
    said += [one.commitment for one in objects if one.commitment not in ("", CONFIRMED)]
    if state == "outdated":
        said = ["the series has no DICOM objects now"]
    earlier = [one for sha, one in to.objects.items() if sha not in to.current]
    return {
        "series_id": series_uid,
        "destination": to.name,
        "state": state,
        "objects": len(objects),
        "accepted": states.count("accepted"),
        "refused": states.count("refused"),
        "confirmed": sum(one.commitment == CONFIRMED for one in objects),
        "earlier": sum(one.state == "accepted" for one in earlier),
        "time": max((one.at for one in to.objects.values()), default=""),
        "sentence": next(filter(None, said), ""),
    }


def write_sent_table(layout: Layout) -> tuple[Path, list[str]]:
    """Write ``sent.csv`` over all series.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.

    Returns
    -------
    path : Path
        The table.
    problems : list of str
        A sentence for each series whose file cannot be read.

    Raises
    ------
    StorageError
        If the table cannot be written.
    """
    rows, problems = [], []
    folder = layout.folder(series_subject("x")).parent
    for path in sorted(folder.glob("*/sent.json")):
        uid = path.parent.name
        try:
            sent = read_sent(layout, series_subject(uid))
        except IchError as err:
            problems.append(str(err))
            continue
        rows += [sent_row(uid, to) for to in sent.destinations.values()]
    table = pd.DataFrame(rows, columns=list(SENT_COLUMNS))
    path = layout.output / "sent.csv"
    write_bytes(path, csv_bytes(table))
    return path, problems
