"""What is known of the objects of one series at one destination; each change is written at once."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ich_resources.clock import iso_now
from ich_resources.sending.destination import Destination
from ich_resources.storage.layout import Layout
from ich_resources.storage.sent import Sent, SentObject, SentTo, read_sent, write_sent
from ich_resources.subjects import Subject

if TYPE_CHECKING:
    from ich_resources.sending.answers import Answer
    from ich_resources.sending.objects import Outgoing


class SentLedger:
    """What is known of one series at one destination.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    subject : Subject
        The series.
    to : Destination
        The destination.

    Raises
    ------
    StorageError, FormatError
        If the file of the series cannot be read; each method raises the first if it cannot write.
    """

    def __init__(self, layout: Layout, subject: Subject, to: Destination) -> None:
        self._layout, self._subject = layout, subject
        self._name, self._place = to.name, to.place
        self._sent: Sent = read_sent(layout, subject)

    @property
    def known(self) -> SentTo:
        """What is known."""
        return self._sent.to(self._place)

    def look_at(self, digests: Collection[str]) -> None:
        """Take the objects of a result: new ones are waiting."""
        if digests or self.known.objects:
            self._write(self.known.looking_at(self._name, digests))

    def name(self, objects: "Sequence[Outgoing]") -> None:
        """Keep the UID of each object before it goes."""
        self._change({o.sha256: {"uid": o.sop_instance} for o in objects})

    def keep(self, one: "Outgoing", answer: "Answer") -> None:
        """Keep what the destination answered."""
        state = "waiting" if answer.kind == "passing" else answer.kind
        sentence = f"{answer.code}: {answer.sentence}" if answer.sentence else ""
        facts = {"state": state, "code": answer.code, "sentence": sentence, "at": iso_now()}
        self._change({one.sha256: facts | {"uid": one.sop_instance, "commitment": ""}})

    def refuse(self, sha: str, sentence: str) -> None:
        """Keep why an object must not go."""
        self._change({sha: {"state": "refused", "sentence": sentence, "at": iso_now()}})

    def wait(self, why: str) -> None:
        """Keep why the destination was given up, for what has no answer."""
        left = self.known.left(refused=False)
        self._change({sha: {"sentence": why, "at": iso_now()} for sha in left})

    def commit(self, answers: dict[str, str]) -> None:
        """Keep what the destination confirms; objects that it does not have are sent again."""
        changes: dict[str, dict[str, str]] = {}
        for sha, text in answers.items():
            changes[sha] = {"commitment": text, "at": iso_now()}
            if text.startswith("missing"):
                why = f"it accepted the object and does not keep it ({text})"
                changes[sha] |= {"state": "waiting", "sentence": why}
        self._change(changes)

    def _change(self, changes: dict[str, dict[str, str]]) -> None:
        if changes:
            objects = self.known.objects
            self._write(
                self.known.having(
                    {
                        sha: SentObject.model_validate(objects[sha].model_dump() | facts)
                        for sha, facts in changes.items()
                    }
                )
            )

    def _write(self, known: SentTo) -> None:
        sent = self._sent.having(self._place, known)
        if sent != self._sent:
            write_sent(self._layout, self._subject, sent)
            self._sent = sent
