"""One series of the inbox: what the sensor knows of it, from its first file to its result."""

from dataclasses import dataclass
from typing import Literal

ArrivalState = Literal[
    "arriving", "admitted", "running", "refused", "done", "incomplete", "failed", "held"
]


@dataclass(frozen=True)
class Arrival:
    """One series of the inbox.

    Attributes
    ----------
    series_instance_uid, study_instance_uid, description : str
        SeriesInstanceUID, StudyInstanceUID and SeriesDescription of the headers.
    state : str
        One of:

        - ``arriving``: the series is open; files may still come.
        - ``admitted``: the series is complete and is to be scored.
        - ``running``: its run has started.
        - ``refused``: no slice of it is to be scored.
        - ``done``: every slice that should be scored was scored.
        - ``incomplete``: some slices failed; the others were scored.
        - ``failed``: the series has no result.
        - ``held``: the series is on hold. Files of an earlier version are gone from the inbox, so
          a new run would score fewer slices than the result on disk. Or all its files were gone
          before it was complete.
    files : int
        Number of its files in the inbox. Copies count.
    last_seen : float
        When its last file came or changed, in seconds since 1970.
    admitted, refused, failed : int
        Number of slices with each judgement; 0 while the series is open.
    codes : str
        Reason codes, for programs: ``LOCALIZER x2, GANTRY_TILT``.
    sentence : str
        The meaning of state and codes, for people.
    version : str
        Digest of the series as last judged (see ``SeriesRecord.version``); empty before that.
    requested_version : str
        The version for which the sensor last requested a run; empty where there is none.
    request_id : str
        Value of the run tag of that request.
    attempts : int
        Number of requests for that version.
    """

    series_instance_uid: str
    study_instance_uid: str
    description: str = ""
    state: ArrivalState = "arriving"
    files: int = 0
    last_seen: float = 0.0
    admitted: int = 0
    refused: int = 0
    failed: int = 0
    codes: str = ""
    sentence: str = ""
    version: str = ""
    requested_version: str = ""
    request_id: str = ""
    attempts: int = 0

    @property
    def due(self) -> bool:
        """Whether the sensor must request a run."""
        return self.state == "admitted" and self.version != self.requested_version

    @property
    def unsettled(self) -> bool:
        """Whether a run was requested and its result is not known yet."""
        return self.state in ("admitted", "running") and self.version == self.requested_version
