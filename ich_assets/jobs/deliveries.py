"""The DICOM objects of series go to destinations, and a ledger keeps what was accepted where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ich_assets.jobs.sent_ledger import SentLedger
from ich_resources.errors import IchError, SendError
from ich_resources.sending.destination import Destination
from ich_resources.sending.resource import SendResource
from ich_resources.steps import DICOM_RESULTS
from ich_resources.storage.chain import consistent_records
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.sent import CONFIRMED, SentTo
from ich_resources.storage.sent_table import sent_row
from ich_resources.subjects import series_subject

if TYPE_CHECKING:
    from ich_resources.sending.answers import Answer
    from ich_resources.sending.objects import Outgoing

Files = dict[str, Path]
"""DICOM objects of a series, by SHA-256."""


def series_with_objects(layout: Layout) -> list[str]:
    """Return the series that ever had DICOM objects, in order.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    """
    folder = layout.folder(series_subject("x")).parent
    return sorted(path.parent.name for path in folder.glob(f"*/{DICOM_RESULTS}.json"))


def current_objects(storage: StorageResource, series_uid: str) -> Files:
    """Return the DICOM objects of a series that belong to its current results.

    Parameters
    ----------
    storage : StorageResource
        It holds the records.
    series_uid : str
        SeriesInstanceUID.

    Returns
    -------
    dict of str to Path
        None where the step has not run, or an earlier step has run again since.

    Raises
    ------
    IchError
        If the entry of the series in the ledger is damaged.
    """
    records = consistent_records(found_series(storage.layout, series_uid), storage.records)
    record = records.get(DICOM_RESULTS)
    if record is None:
        return {}
    named = zip(record.digests, record.files, strict=False)
    return {sha: storage.layout.run_root / name for sha, name in named if name.endswith(".dcm")}


@dataclass
class Delivery:
    """The objects of series on their way to one destination.

    Attributes
    ----------
    to : Destination
        Where to.
    send : SendResource
        It sends.
    layout : Layout
        Paths below the run root.
    refused : bool
        Whether what the destination has refused goes once more.
    given_up : str
        Why nothing more goes there in this run; empty if it does.
    accepted : int
        Objects that it accepted in this run.
    problems, warnings : list of str
        What could not be sent; what was not confirmed.
    """

    to: Destination
    send: SendResource
    layout: Layout
    refused: bool = True
    given_up: str = ""
    accepted: int = 0
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def series(self, series_uid: str, files: Files) -> str:
        """Send what the destination has not accepted of a series, and keep each answer.

        Parameters
        ----------
        series_uid : str
            SeriesInstanceUID.
        files : dict of str to Path
            Its objects.

        Returns
        -------
        str
            What became of them, in a few words.

        Raises
        ------
        IchError
            If the ledger cannot be read or written, or a reference cannot be resolved.
        """
        ledger = SentLedger(self.layout, series_subject(series_uid), self.to)
        ledger.look_at(files)
        if not self.given_up:
            self._send(ledger, files)
        if not self.given_up:
            self._confirm(ledger, files)
        else:
            ledger.wait(self.given_up)
        return self._report(series_uid, ledger.known)

    def _send(self, ledger: SentLedger, files: Files) -> None:
        left = ledger.known.left(refused=self.refused)
        objects = self._read(ledger, [(sha, files[sha]) for sha in left])
        if not objects:
            return

        def keep(one: "Outgoing", answer: "Answer") -> None:
            ledger.keep(one, answer)
            self.accepted += answer.kind == "accepted"

        try:
            self.given_up = self.send.deliver(self.to, objects, keep)
        except SendError as err:
            self.given_up = str(err)

    def _read(self, ledger: SentLedger, files: Sequence[tuple[str, Path]]) -> "list[Outgoing]":
        """Return the files as objects, without those that must not go."""
        objects = []
        for sha, path in files:
            try:
                one = self.send.read(path, sha)
            except SendError as err:
                ledger.refuse(sha, str(err))
                continue
            if ledger.known.other_bytes(one.sop_instance, sha):
                ledger.refuse(sha, "other bytes went under the same SOPInstanceUID before")
                continue
            objects.append(one)
        ledger.name(objects)
        return objects

    def _confirm(self, ledger: SentLedger, files: Files) -> None:
        """Ask for storage commitment of what is accepted and not confirmed, where configured."""
        asked = [
            (sha, files[sha])
            for sha in ledger.known.current
            if ledger.known.objects[sha].state == "accepted"
            and ledger.known.objects[sha].commitment != CONFIRMED
        ]
        if not self.send.asks_to_confirm(self.to) or not asked:
            return
        objects = [self.send.read(path, sha) for sha, path in asked]
        answers = self.send.confirm(self.to, {o.sop_instance: o.sop_class for o in objects})
        ledger.commit({one.sha256: answers[one.sop_instance] for one in objects})

    def _report(self, series_uid: str, known: SentTo) -> str:
        row = sent_row(series_uid, known)
        objects = [known.objects[sha] for sha in known.current]
        for state in ("refused", "waiting"):
            there = [one for one in objects if one.state == state]
            if there:
                self.problems.append(
                    f"series {series_uid}: {len(there)} of {len(objects)} objects {state} at "
                    f"{self.to.name}: {there[0].sentence}"
                )
        unsure = [one.commitment for one in objects if one.commitment.startswith("not")]
        if unsure and self.send.asks_to_confirm(self.to):
            self.warnings.append(f"series {series_uid}: {len(unsure)} objects {unsure[0]}")
        return f"{self.to.name} {row['state']}, {row['accepted']} of {len(objects)} objects"


def settle_all(
    deliveries: Sequence[Delivery],
    series: Sequence[str],
    storage: StorageResource,
    say: Callable[[str], None],
    *,
    asked: bool,
) -> list[str]:
    """Send the objects of series to destinations; return what could not be sent.

    Parameters
    ----------
    deliveries : sequence of Delivery
        One for each destination.
    series : sequence of str
        SeriesInstanceUIDs.
    storage : StorageResource
        It holds the records.
    say : callable
        Prints a line for each series.
    asked : bool
        Whether somebody named these series: one without objects is then a problem.
    """
    problems: list[str] = []
    for uid in series:
        said = []
        try:
            files = current_objects(storage, uid)
        except IchError as err:
            problems.append(f"series {uid}: {err}")
            continue
        if not files and asked:
            problems.append(f"series {uid}: its current result has no DICOM objects")
        for delivery in deliveries:
            try:
                said.append(delivery.series(uid, files))
            except IchError as err:
                problems.append(f"series {uid}, {delivery.to.name}: {err}")
        if files:
            say(f"{uid}  {'; '.join(said)}")
    return problems + [text for delivery in deliveries for text in delivery.problems]
