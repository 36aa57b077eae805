"""C-STORE: objects to a PACS, over one association."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pynetdicom import _config
from pynetdicom.association import Association

from ich_resources.sending.answers import Answer, UnusableError, of_status
from ich_resources.sending.association import Context, associated, seconds_for
from ich_resources.sending.destination import DimseDestination
from ich_resources.sending.objects import Outgoing

# Send the bytes of a file as they are, and not what pydicom makes of them again.
_config.STORE_SEND_CHUNKED_DATASET = True


def store(
    to: DimseDestination, objects: Sequence[Outgoing], timeout_s: float
) -> Iterator[tuple[Outgoing, Answer]]:
    """Send objects, one after the other, over one association.

    Parameters
    ----------
    to : DimseDestination
        Where to.
    objects : sequence of Outgoing
        What. Presentation contexts are proposed for these alone.
    timeout_s : float
        Most seconds for a connection, and for each answer.

    Yields
    ------
    Outgoing, Answer
        Each object once it is answered.

    Raises
    ------
    UnusableError
        If there is no association, or it ends; the objects that were yielded are answered.
    SendError
        If a file is not the one of its record, or a file for TLS cannot be used.
    """
    contexts = list(dict.fromkeys((one.sop_class, one.transfer_syntax) for one in objects))
    with associated(to, contexts, timeout_s) as association:
        accepted = {
            (str(context.abstract_syntax), str(context.transfer_syntax[0]))
            for context in association.accepted_contexts
        }
        for number, one in enumerate(objects):
            yield one, _store(association, accepted, one, number % 65535 + 1, timeout_s)


def _store(
    association: Association,
    accepted: set[Context],
    one: Outgoing,
    message_id: int,
    timeout_s: float,
) -> Answer:
    """Send one object.

    Raises
    ------
    UnusableError
        If no answer comes.
    """
    if (one.sop_class, one.transfer_syntax) not in accepted:
        return Answer("refused", "NO_CONTEXT", "it does not take objects of this kind")
    content = one.content()
    association.dimse_timeout = seconds = seconds_for(len(content), timeout_s)
    with _in_memory(content) as path:
        try:
            status = association.send_c_store(path, msg_id=message_id)
        except RuntimeError:  # the association ended since the object before
            raise UnusableError("it ended the association", passing=True) from None
    if "Status" not in status:
        raise UnusableError(
            f"it broke off, or did not answer an object in {seconds:.0f} s", passing=True
        )
    return of_status(int(status.Status))


@contextmanager
def _in_memory(content: bytes) -> Iterator[Path]:
    """Give bytes a name: they were compared with their record, and nobody can change them."""
    number = os.memfd_create("ich")
    try:
        with os.fdopen(number, "wb", closefd=False) as file:
            file.write(content)
        yield Path(f"/proc/self/fd/{number}")
    finally:
        os.close(number)
