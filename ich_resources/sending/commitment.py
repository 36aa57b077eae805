"""Storage commitment: a destination confirms that it keeps what it accepted (DICOM PS3.4, J)."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt

from ich_resources.sending.answers import UnusableError
from ich_resources.sending.association import associated
from ich_resources.sending.destination import Commitment, DimseDestination
from ich_resources.sending.tls import listener_context

_CLASS, _INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
_REQUEST = 1
"""Action type (DICOM PS3.4, J.3.2)."""
_SAME_SECONDS = 10.0
"""So long we wait on our own association. Some destinations answer only once it has ended."""
CONFIRMED = "confirmed"


def confirmed(
    to: DimseDestination,
    commitment: Commitment,
    objects: Mapping[str, str],
    timeout_s: float,
) -> dict[str, str]:
    """Ask a destination to confirm that it keeps objects.

    The answer may come on our association, or on one that the destination opens to us.

    Parameters
    ----------
    to : DimseDestination
        It accepted the objects.
    commitment : Commitment
        Where and how long we wait for the answer.
    objects : mapping of str to str
        SOP class of each object, by SOPInstanceUID.
    timeout_s : float
        Most seconds for a connection, and for the answer to the request itself.

    Returns
    -------
    dict of str to str
        By SOPInstanceUID: ``confirmed``, ``missing: ...`` where the destination says that it does
        not keep the object, or ``not confirmed: ...``.

    Raises
    ------
    SendError
        If a file for TLS cannot be used.
    """
    report = _Report(str(generate_uid()))
    handlers = [(evt.EVT_N_EVENT_REPORT, report.take)]
    try:
        with _listening(to, commitment, handlers):
            _ask(to, objects, report, timeout_s, commitment.wait_seconds, handlers)
        why = f"no answer came in {commitment.wait_seconds:.0f} s"
    except UnusableError as err:
        why = err.sentence
    return {uid: report.found.get(uid, f"not confirmed: {why}") for uid in objects}


class _Report:
    """What the destination says of one request."""

    def __init__(self, transaction: str) -> None:
        self.transaction = transaction
        self.found: dict[str, str] = {}
        self.came = threading.Event()

    def take(self, event: evt.Event) -> tuple[int, None]:
        """Take an N-EVENT-REPORT; one of another request is refused (no such instance)."""
        said = event.event_information
        if said.get("TransactionUID") != self.transaction:
            return 0x0112, None
        for item in said.get("ReferencedSOPSequence", ()):
            self.found[str(item.ReferencedSOPInstanceUID)] = CONFIRMED
        for item in said.get("FailedSOPSequence", ()):
            reason = int(item.get("FailureReason", 0x0110))
            self.found[str(item.ReferencedSOPInstanceUID)] = f"missing: 0x{reason:04X}"
        self.came.set()
        return 0x0000, None


@contextmanager
def _listening(
    to: DimseDestination, commitment: Commitment, handlers: Sequence[Any]
) -> Iterator[None]:
    """Take associations of the destination, and of nobody else, until the block ends.

    Raises
    ------
    UnusableError
        If the port is taken.
    SendError
        If a file for TLS cannot be used.
    """
    entity = AE(ae_title=to.calling)
    entity.add_supported_context(_CLASS, scu_role=False, scp_role=True)
    entity.require_calling_aet, entity.require_called_aet = [to.called], True
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 30
    field = f"send.destinations, {to.name}: tls"
    context = listener_context(to.tls, field) if to.tls is not None else None
    address = (commitment.listen_host, commitment.listen_port)
    try:
        server = entity.start_server(
            address, block=False, ssl_context=context, evt_handlers=list(handlers)
        )
    except OSError as err:
        where = f"{commitment.listen_host}:{commitment.listen_port}"
        raise UnusableError(f"cannot listen on {where}: {err.strerror}", passing=True) from None
    assert server is not None
    try:
        yield
    finally:
        entity.shutdown()


def _ask(
    to: DimseDestination,
    objects: Mapping[str, str],
    report: _Report,
    timeout_s: float,
    wait_s: float,
    handlers: Sequence[Any],
) -> None:
    """Send the request, and wait for the answer on any association.

    Raises
    ------
    UnusableError
        If the request is not taken.
    """
    request = Dataset()
    request.TransactionUID = report.transaction
    request.ReferencedSOPSequence = [_reference(uid, sop) for uid, sop in objects.items()]
    end = time.monotonic() + wait_s
    contexts = [(_CLASS, str(ExplicitVRLittleEndian))]
    with associated(to, contexts, timeout_s, handlers) as association:
        status, _ = association.send_n_action(request, _REQUEST, _CLASS, _INSTANCE)
        if "Status" not in status:
            raise UnusableError("it did not answer the request", passing=True)
        if status.Status != 0:
            raise UnusableError(f"it refuses the request: 0x{status.Status:04X}", passing=False)
        report.came.wait(min(wait_s, _SAME_SECONDS))
    report.came.wait(max(end - time.monotonic(), 0.0))


def _reference(uid: str, sop_class: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item
