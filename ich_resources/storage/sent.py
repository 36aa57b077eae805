"""What was accepted where: one small file for each series, beside its records.

An object is known by the SHA-256 of its file. An object that a destination accepted is not sent
to it again. After a kill an object may go again, with the same UID and the same bytes.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field, ValidationError

from ich_resources.errors import FormatError, StorageError
from ich_resources.storage.content import Rows, Schema, Text
from ich_resources.storage.files import read_json, write_json
from ich_resources.storage.layout import Layout
from ich_resources.subjects import Subject

State = Literal["accepted", "refused", "waiting"]
CONFIRMED = "confirmed"
_FORMAT = 1
_REMEDY = "remove the file: its objects are then sent again, with the same UIDs"


class SentObject(Schema):
    """What became of one object at one destination.

    Attributes
    ----------
    uid : str
        SOPInstanceUID; empty while the file was not read.
    state : {"accepted", "refused", "waiting"}
        ``refused``: the destination will not take it. ``waiting``: it may go later.
    code, sentence : str
        The last answer, and what it means.
    at : str
        When, in UTC.
    commitment : str
        Answer to the request to confirm; empty if none was made.
    """

    uid: Text = ""
    state: State = "waiting"
    code: Text = ""
    sentence: Text = ""
    at: Text = ""
    commitment: Text = ""


class SentTo(Schema):
    """What became of the objects of a series at one destination.

    Attributes
    ----------
    name : str
        The destination's name in the last configuration.
    objects : dict of str to SentObject
        By SHA-256 of the file. Objects of earlier results stay.
    current : tuple of str
        Those of the last result that was looked at.
    """

    name: Text
    objects: dict[Text, SentObject] = Field(default_factory=dict)
    current: Rows[Text] = ()

    def left(self, *, refused: bool) -> list[str]:
        """Return the current objects that are not accepted.

        Parameters
        ----------
        refused : bool
            Whether those that the destination has refused are among them.
        """
        states = ("waiting", "refused") if refused else ("waiting",)
        return [sha for sha in self.current if self.objects[sha].state in states]

    def having(self, changed: Mapping[str, SentObject]) -> "SentTo":
        """Return the same with other facts of some objects."""
        return self.model_copy(update={"objects": {**self.objects, **changed}})

    def looking_at(self, name: str, digests: Iterable[str]) -> "SentTo":
        """Return the same for the objects of a result; new ones are waiting.

        Parameters
        ----------
        name : str
            The destination's name.
        digests : iterable of str
            SHA-256 of each file of the result.
        """
        current = tuple(digests)
        new = {sha: SentObject() for sha in current if sha not in self.objects}
        return SentTo(name=name, objects={**self.objects, **new}, current=current)

    def other_bytes(self, uid: str, sha256: str) -> bool:
        """Return whether an object with the same UID and other bytes was sent, or tried."""
        return any(one.uid == uid and sha != sha256 for sha, one in self.objects.items())


class Sent(Schema):
    """What became of the objects of one series.

    Attributes
    ----------
    destinations : dict of str to SentTo
        By the digits that stand for the destination's address.
    """

    format: int = _FORMAT
    destinations: dict[Text, SentTo] = Field(default_factory=dict)

    def to(self, place: str) -> SentTo:
        """Return what is known of one destination."""
        return self.destinations.get(place, SentTo(name=""))

    def having(self, place: str, known: SentTo) -> "Sent":
        """Return the same with other facts of one destination."""
        return Sent(destinations={**self.destinations, place: known})

    def is_due(self, place: str, digests: Iterable[str]) -> bool:
        """Return whether a destination has yet to answer an object of a result.

        Parameters
        ----------
        place : str
            The digits of the destination.
        digests : iterable of str
            SHA-256 of each file of the result.
        """
        objects = self.to(place).objects
        return any(objects.get(sha, SentObject()).state == "waiting" for sha in digests)


def read_sent(layout: Layout, subject: Subject) -> Sent:
    """Return what became of the objects of a series; nothing where no file is there.

    Raises
    ------
    StorageError
        If the file is damaged.
    FormatError
        If a newer version of ich wrote it.
    """
    path = layout.sent(subject)
    if not path.exists():
        return Sent()
    value = read_json(path, remedy=_REMEDY)
    if (
        isinstance(value, dict)
        and isinstance(value.get("format"), int)
        and value["format"] > _FORMAT
    ):
        raise FormatError(
            f"a newer version of ich wrote this file: format {value['format']}",
            path=path,
            remedy="use the newer version, or choose another RUN_ROOT",
        )
    try:
        found = Sent.model_validate(value)
        known = all(set(to.current) <= to.objects.keys() for to in found.destinations.values())
    except ValidationError:
        known = False
    if not known:
        raise StorageError("the file is damaged", path=path, remedy=_REMEDY)
    return found


def write_sent(layout: Layout, subject: Subject, sent: Sent) -> None:
    """Write what became of the objects of a series.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    subject : Subject
        The series.
    sent : Sent
        All objects of the series, also those of earlier sendings.

    Raises
    ------
    StorageError
        If it cannot be written. The earlier file is unchanged then.
    """
    write_json(layout.sent(subject), sent.model_dump())
