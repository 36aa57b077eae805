"""Sending as a Dagster resource: the destinations, and how patient we are."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ich_resources.errors import SendError
from ich_resources.sending.destination import Destination, DimseDestination, destinations_from

if TYPE_CHECKING:
    from ich_resources.sending.answers import Answer
    from ich_resources.sending.objects import Outgoing


class SendResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Sends DICOM objects to destinations by C-STORE or STOW-RS."""

    automatic: bool = Field(
        default=False,
        description="true, in live operation: a run of ich_send is requested when a series has "
        "DICOM objects that no destination answered yet. false: only a person sends.",
    )
    destinations: list[dict[str, Any]] = Field(
        default=[],
        description="Where to: a list, see conf/run.example.yaml. It holds no secret: credentials "
        "and proxy are env:NAME or file:PATH.",
    )
    attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="A destination is given up after so many attempts in a row without an answer.",
    )
    wait_seconds: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="Wait before the second attempt, in seconds; before each later one twice as "
        "long.",
    )
    timeout_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="Most time for a connection and for each answer, in seconds; for an object a "
        "second more for each 100 kB.",
    )

    def chosen_by(self, names: Sequence[str]) -> list[Destination]:
        """Return the destinations with some names.

        Parameters
        ----------
        names : sequence of str
            Empty: all.

        Raises
        ------
        SendError
            If one is not a destination (``destinations_from``), or there is none.
        """
        known = {one.name: one for one in destinations_from(self.destinations)}
        unknown = sorted(set(names) - known.keys())
        if unknown or not known:
            raise SendError(
                f"there is no destination {', '.join(unknown)}".rstrip(),
                remedy="set resources.send.config.destinations (docs/reading.md, Sending)",
            )
        return [one for name, one in known.items() if not names or name in names]

    def require_usable(self, to: Destination) -> None:
        """Check what a destination names: files for TLS, credentials, proxy.

        Raises
        ------
        SendError
            If one is missing or cannot be used.
        """
        if isinstance(to, DimseDestination):
            from ich_resources.sending.association import require_usable

            require_usable(to)
        else:
            from ich_resources.sending.stow import session_for

            session_for(to).close()

    def read(self, path: Path, sha256: str) -> "Outgoing":
        """Return a file of a record as an object to be sent; see ``objects.outgoing``."""
        from ich_resources.sending.objects import outgoing

        return outgoing(path, sha256)

    def asks_to_confirm(self, to: Destination) -> bool:
        """Return whether a destination is asked for storage commitment."""
        return isinstance(to, DimseDestination) and to.commitment is not None

    def deliver(
        self,
        to: Destination,
        objects: "Sequence[Outgoing]",
        on_answer: "Callable[[Outgoing, Answer], None]",
    ) -> str:
        """Send objects to a destination; see ``deliver.deliver``.

        Parameters
        ----------
        to : Destination
            Its type says whether DIMSE or STOW-RS is spoken.
        objects : sequence of Outgoing
            What is sent, in this order.
        on_answer : callable
            (object, answer), called for each answer. Its error ends the sending.

        Returns
        -------
        str
            Why the destination was given up; empty if it was not.
        """
        from ich_resources.sending import stow
        from ich_resources.sending.deliver import Patience, Store, deliver
        from ich_resources.sending.quiet import quiet

        if isinstance(to, DimseDestination):
            from ich_resources.sending import dimse

            store: Store = partial(dimse.store, to, timeout_s=self.timeout_seconds)
        else:
            store = partial(stow.store, to, timeout_s=self.timeout_seconds)
        with quiet():
            return deliver(objects, store, Patience(self.attempts, self.wait_seconds), on_answer)

    def confirm(self, to: Destination, objects: Mapping[str, str]) -> dict[str, str]:
        """Ask for storage commitment where it is configured; see ``commitment.confirmed``."""
        if not isinstance(to, DimseDestination) or to.commitment is None:
            return {}
        from ich_resources.sending.commitment import confirmed
        from ich_resources.sending.quiet import quiet

        with quiet():
            return confirmed(to, to.commitment, objects, self.timeout_seconds)
