"""The DICOM network side of the receiver (pynetdicom)."""

import logging
from pathlib import Path
from typing import Any

from pydicom.errors import BytesLengthException
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.transport import ThreadedAssociationServer

from ich_resources.receiver.store import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    SUCCESS,
    place,
    write_instance,
)

VERIFICATION = "1.2.840.10008.1.1"
"""SOP class of C-ECHO (DICOM PS3.4, A.4)."""

log = logging.getLogger("ich.receiver")


def start(inbox: Path, *, host: str, port: int, ae_title: str) -> ThreadedAssociationServer:
    """Listen for associations, each in a thread of its own; return the running server.

    Success is answered once the instance lies on disk under its final name: what a sender was
    told of cannot be lost. Of an association that breaks off, the instances that were answered
    stay, and the one on its way leaves nothing.

    Parameters
    ----------
    inbox : Path
        The folder that the sensor watches.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    ae_title : str
        Our application entity title.

    Raises
    ------
    OSError
        If the port is taken.
    """
    entity = AE(ae_title=ae_title)
    entity.add_supported_context(VERIFICATION)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
    handlers: list[Any] = [
        (evt.EVT_C_STORE, lambda event: store(event, inbox)),
        (evt.EVT_C_ECHO, lambda event: SUCCESS),
        (evt.EVT_ABORTED, lambda event: log.warning("association aborted: %s", _peer(event))),
    ]
    server = entity.start_server((host, port), block=False, evt_handlers=handlers)
    assert server is not None
    return server


def store(event: evt.Event, inbox: Path) -> int:
    """Keep one received instance; return the status of the response (DICOM PS3.4, B.2.3)."""
    try:
        dataset = event.dataset
        path = place(
            inbox,
            str(dataset.get("StudyInstanceUID", "")),
            str(dataset.get("SeriesInstanceUID", "")),
            str(dataset.get("SOPInstanceUID", "")),
        )
        content = event.encoded_dataset()
    except (ValueError, AttributeError, KeyError, NotImplementedError, BytesLengthException) as err:
        log.error("refused an instance from %s: %s", _peer(event), err)
        return CANNOT_UNDERSTAND
    try:
        write_instance(path, content)
    except OSError as err:
        log.error("cannot write %s: %s", path, err.strerror)
        return OUT_OF_RESOURCES
    log.info("received %s", path.relative_to(inbox))
    return SUCCESS


def _peer(event: evt.Event) -> str:
    return f"{event.assoc.requestor.address}:{event.assoc.requestor.port}"
