"""What is known of a series that has come into the inbox."""

from dataclasses import dataclass
from typing import Literal

ArrivalState = Literal[
    "arriving", "admitted", "running", "refused", "done", "incomplete", "failed", "held"
]


@dataclass(frozen=True)
class Arrival:
    """One series of the inbox, from its first file to its result.

    Attributes
    ----------
    series_instance_uid, study_instance_uid, description : str
        As in the headers.
    state : str
        ``arriving`` (files still come), ``admitted`` (complete; its run is requested), ``running``,
        ``refused``, ``done``, ``incomplete`` (some slices failed), ``failed`` or ``held`` (files of
        an earlier version are gone, so that a new run would score less than the result on disk; or
        all of them went before the series was complete).
    files : int
        Files of it that lie in the inbox, copies included.
    last_seen : float
        When its last file came or changed, in seconds since 1970.
    admitted, refused, failed : int
        Slices by judgement; 0 while arriving.
    codes : str
        Reason codes, machine-readable: ``LOCALIZER x2, GANTRY_TILT``.
    sentence : str
        What the state and the codes mean here.
    version : str
        Content of the series as last judged, see ``SeriesRecord.version``; empty before that.
    offered : str
        The version that a run was last requested for.
    token : str
        Run tag of that request.
    attempts : int
        How often that version was requested.
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
    offered: str = ""
    token: str = ""
    attempts: int = 0

    @property
    def due(self) -> bool:
        """Whether a run has to be requested."""
        return self.state == "admitted" and self.version != self.offered

    @property
    def unsettled(self) -> bool:
        """Whether a run was requested and its end is not known yet."""
        return self.state in ("admitted", "running") and self.version == self.offered
