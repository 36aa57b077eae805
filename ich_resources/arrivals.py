"""One series of the inbox: what the sensor knows of it, from its first file to its result.

The module ``inbox.lifecycle`` decides how a series goes from one state to the next.
"""

from dataclasses import dataclass
from typing import Literal

ArrivalState = Literal[
    "arriving", "admitted", "running", "refused", "done", "incomplete", "failed", "held"
]

Phase = Literal[
    "arriving",
    "due",
    "waiting",
    "requested",
    "running",
    "refused",
    "done",
    "incomplete",
    "failed",
    "held",
]
"""A state, where ``admitted`` is told apart: due, waiting for the end of a cause, or requested."""


@dataclass(frozen=True)
class Cause:
    """A fault of the machine. No series is to blame, and each that is due waits for its end.

    Attributes
    ----------
    code : str
        Reason code, for programs.
    sentence : str
        What is wrong, and what to do.
    since : float
        When it was first met, in seconds since 1970.
    met : float
        When it was last met, in seconds since 1970.
    times : int
        How many runs have met it, one after another; 0 if the sensor itself sees it.
    run : str
        Id of the last of these runs; empty if the sensor itself sees it.
    """

    code: str
    sentence: str
    since: float
    met: float
    times: int = 0
    run: str = ""


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
        How many runs ended while they worked on that version, or met files of it that changed.
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

    def phase(self, cause: Cause | None = None) -> Phase:
        """Return the state, with ``admitted`` told apart.

        Parameters
        ----------
        cause : Cause, optional
            The fault of the machine that stands.
        """
        if self.state != "admitted":
            return self.state
        if not self.due:
            return "requested"
        return "due" if cause is None else "waiting"

    @property
    def unsettled(self) -> bool:
        """Whether a run was requested and its result is not known yet."""
        return self.state in ("admitted", "running") and self.version == self.requested_version


@dataclass(frozen=True)
class SeriesTimes:
    """When the current version of a series went from one state to the next.

    The times are those of the wall clock, in seconds since 1970; None where nobody saw the moment.

    Attributes
    ----------
    series_instance_uid : str
        SeriesInstanceUID.
    version : str
        The version that the times are of; empty before the first judgement.
    phase : str
        The phase in which the series was last seen; see ``Arrival.phase``.
    first_file : float or None
        When the first file of any version came.
    complete : float or None
        When the series was judged to be complete.
    requested, started : float or None
        When its last run was requested, and when that run began.
    done : float or None
        When its result was on disk, or when it failed.
    seconds : float or None
        From ``complete`` to the result, in seconds. A clock that is set does not change it.
    boot, uptime : str, float
        Boot of the machine, and seconds since that boot, when it was complete.
    """

    series_instance_uid: str
    version: str = ""
    phase: str = ""
    first_file: float | None = None
    complete: float | None = None
    requested: float | None = None
    started: float | None = None
    done: float | None = None
    seconds: float | None = None
    boot: str = ""
    uptime: float = 0.0
