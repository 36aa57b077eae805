"""What a destination answers, and whether to try again: by kind of answer, in one place."""

from dataclasses import dataclass
from typing import Literal

_ALREADY_THERE = 0x0111
_MEANINGS = {
    0x0110: "a processing failure",
    0x0117: "an object that is not valid",
    0x0122: "a SOP class that it does not take",
    0x0124: "no right to store",
}
_GROUPS = {
    0xA700: "it is out of resources",
    0xA900: "the object does not fit its SOP class",
    0xC000: "it cannot understand the object",
}
_OF_THE_DESTINATION = {
    401: "it asks for credentials, or does not know ours",
    403: "our credentials may not store there",
    404: "this address does not exist",
    405: "the address takes no STOW-RS",
    407: "the proxy asks for credentials",
}
_TOO_MANY = 429


@dataclass(frozen=True)
class Answer:
    """What a destination says of one object.

    Attributes
    ----------
    kind : {"accepted", "refused", "passing"}
        ``passing``: it may accept the object later. ``refused``: it will not.
    code : str
        The status, such as ``0xA700`` or ``HTTP 503``.
    sentence : str
        What it means; empty where the object is accepted without a remark.
    """

    kind: Literal["accepted", "refused", "passing"]
    code: str
    sentence: str = ""


class UnusableError(Exception):
    """A destination takes nothing at all at the moment.

    Parameters
    ----------
    sentence : str
        Why. It holds no secret.
    passing : bool
        Whether it is worth trying again by itself.
    """

    def __init__(self, sentence: str, *, passing: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.passing = passing


def of_status(status: int) -> Answer:
    """Return what a status of a C-STORE response, or the failure reason of STOW-RS, means.

    Parameters
    ----------
    status : int
        DICOM PS3.4, table B.2-1, and PS3.7, annex C.
    """
    code = f"0x{status:04X}"
    if status == 0:
        return Answer("accepted", code)
    if status == _ALREADY_THERE:
        return Answer("accepted", code, "it has the object already")
    if 0xB000 <= status <= 0xBFFF:
        return Answer("accepted", code, "stored, with a warning")
    group = 0xC000 if 0xC000 <= status <= 0xCFFF else status & 0xFF00
    meaning = _MEANINGS.get(status) or _GROUPS.get(group) or "a failure"
    return Answer("passing" if group == 0xA700 else "refused", code, meaning)


def of_http(status: int) -> Answer:
    """Return what an HTTP status means that says nothing of the object itself.

    Parameters
    ----------
    status : int
        Of the response (DICOM PS3.18, table 10.5.3-1).

    Raises
    ------
    UnusableError
        If the status is about the destination and not about the object.
    """
    code = f"HTTP {status}"
    if status in _OF_THE_DESTINATION:
        raise UnusableError(f"{code}: {_OF_THE_DESTINATION[status]}", passing=False)
    if 300 <= status < 400:
        raise UnusableError(f"{code}: it sends us to another address", passing=False)
    if status == _TOO_MANY or status >= 500:
        return Answer("passing", code, "the server cannot take it now")
    if status < 300:
        return Answer("refused", code, "it does not say that it stored the object")
    return Answer("refused", code, "the server refuses it")
