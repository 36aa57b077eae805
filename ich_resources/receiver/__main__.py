"""``python -m ich_resources.receiver``: takes C-STORE into DICOM_INBOX until it is stopped."""

import logging
import os
import signal
import sys
import threading

from ich_resources.environment import (
    DICOM_INBOX,
    RECEIVE_AE_TITLE,
    RECEIVE_HOST,
    RECEIVE_PORT,
    folder,
    whole_number,
)
from ich_resources.errors import IchError


def main() -> None:
    """Listen on the address that the environment sets, until SIGINT or SIGTERM."""
    try:
        from ich_resources.receiver.server import start
        from ich_resources.receiver.store import sweep
    except ImportError as err:
        sys.exit(f"the receiver needs pynetdicom: pip install '.[receive]' ({err})")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("pynetdicom").setLevel(logging.ERROR)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        inbox = folder("", DICOM_INBOX, "the environment")
        port = whole_number(None, RECEIVE_PORT, 65535) or 11112
        inbox.mkdir(parents=True, exist_ok=True)
        left = sweep(inbox)
        host = os.environ.get(RECEIVE_HOST, "").strip() or "127.0.0.1"
        title = os.environ.get(RECEIVE_AE_TITLE, "").strip() or "ICH"
        server = start(inbox, host=host, port=port, ae_title=title)
    except (IchError, OSError, ValueError) as err:
        sys.exit(f"cannot receive: {err}")
    if left:
        logging.warning("removed %d half files of a receiver that was killed", left)
    logging.info("%s listens on %s:%d, for %s", title, host, port, inbox)
    stop.wait()
    server.shutdown()


if __name__ == "__main__":
    main()
