"""What is told: results above a threshold, failures, a stalled inbox. No patient data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from ich_resources.digests import bytes_sha256
from ich_resources.inbox.reading import EndedSeries
from ich_resources.worth import TrainedOn

Kind = Literal["result", "failure", "stalled"]


class Highest(NamedTuple):
    """The highest probability of a series.

    Attributes
    ----------
    p_any : float
        Highest P(any) of a slice.
    trained_on : {"nothing", "phantoms", "patients"}
        What its networks were trained on.
    """

    p_any: float
    trained_on: TrainedOn


@dataclass(frozen=True)
class Message:
    """One message, in the form in which a hook gets it as JSON.

    Attributes
    ----------
    id : str
        The same at each attempt, also after a restart. A message that comes twice has
        one id.
    kind : str
        ``result``, ``failure`` or ``stalled``.
    time : str
        When it was written, UTC.
    series_instance_uid, study_instance_uid : str
        The series; empty for the inbox.
    state, codes : str
        State and reason codes of the series; codes of what stalls the inbox.
    p_any, threshold : float or None
        The highest P(any) of a slice, and the threshold that it reaches.
    trained_on : str
        What the networks of ``p_any`` were trained on: ``nothing``, ``phantoms`` or ``patients``.
        Empty where there is no number.
    """

    id: str
    kind: Kind
    time: str
    series_instance_uid: str = ""
    study_instance_uid: str = ""
    state: str = ""
    codes: str = ""
    p_any: float | None = None
    threshold: float | None = None
    trained_on: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def message_id(kind: Kind, *what: str) -> str:
    """Return the id of a message: a digest of what it is about, so that it is never told twice."""
    return bytes_sha256("\0".join((kind, *what)).encode())[:32]


def id_of(series: EndedSeries) -> str:
    """Return the id of the message about the end of a series."""
    kind = kind_of(series)
    return message_id(kind, series.series, series.version, series.request_id)


def kind_of(series: EndedSeries) -> Kind:
    """Return of which kind the message about the end of a series is."""
    return "failure" if series.state == "failed" else "result"


def about_series(
    series: EndedSeries,
    time: str,
    highest: Highest | None = None,
    threshold: float | None = None,
) -> Message:
    """Return the message about the end of a series.

    Parameters
    ----------
    series : EndedSeries
        UIDs, state and codes. The state says of which kind the message is.
    time : str
        When the message is written, UTC.
    highest : Highest, optional
        Its highest probability; None for a series that failed.
    threshold : float, optional
        The threshold that it reaches; None for a series that failed.
    """
    return Message(
        id_of(series),
        kind_of(series),
        time,
        series.series,
        series.study,
        series.state,
        series.codes,
        highest.p_any if highest else None,
        threshold,
        highest.trained_on if highest else "",
    )


def new_stalls(
    stalls: Mapping[str, str], told: Mapping[str, str], time: str
) -> tuple[list[Message], dict[str, str]]:
    """Return what is to be told of a stalled inbox, once for each time that it stalls.

    Parameters
    ----------
    stalls : mapping of str to str
        What stalls it: code, and since when or by which series.
    told : mapping of str to str
        Code and id of what was told and still stands.
    time : str
        The time, UTC.

    Returns
    -------
    messages : list of Message
        What is new.
    told : dict of str to str
        The new ``told``, without faults that are over.
    """
    messages, now = [], {}
    for code, since in stalls.items():
        now[code] = told.get(code) or message_id("stalled", code, since)
        if code not in told:
            messages.append(Message(now[code], "stalled", time, codes=code))
    return messages, now
