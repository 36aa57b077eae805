"""Files and slices that come into the index of an inbox."""

import os

from ich_resources.arrivals import Arrival
from ich_resources.folders import FoundFile
from ich_resources.inbox.files import FileFacts

LATIN = os.fsdecode(b"Sch\xe4del")


def files(*names, size=1, mtime=1):
    return [FoundFile(name, size, mtime) for name in names]


def slice_of(path, series="1.2", study="1.1", sop=None):
    return FileFacts(path, "slice", study, series, sop or ascii(path), {"path": path})


def come(index, *names, now=10.0, series="1.2", study="1.1"):
    """Let slices of one series come and be read."""
    index.update_files(files(*names), now)
    index.store([slice_of(name, series, study) for name in names])


def judge(index, *uids):
    index.upsert([Arrival(uid, "1.1", state="done", version="v") for uid in uids], judged=True)
