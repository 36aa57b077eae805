"""``python -m ich_resources.receiver``: takes C-STORE into DICOM_INBOX until it is stopped."""

import logging
import signal
import sys
import threading

from ich_resources.errors import IchError
from ich_resources.receiver.settings import settings


def main() -> None:
    """Listen on the address that the environment sets, until SIGINT or SIGTERM."""
    try:
        from ich_resources.receiver.server import Access, start
        from ich_resources.receiver.store import sweep
    except ImportError as err:
        sys.exit(f"the receiver needs pynetdicom: pip install '.[receive]' ({err})")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # Its errors are stack traces, and quote what a peer sent. Ours say the same in a line.
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    threading.excepthook = _say
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        chosen = settings()
        chosen.inbox.mkdir(parents=True, exist_ok=True)
        left = sweep(chosen.inbox)
        server = start(
            chosen.inbox,
            host=chosen.host,
            port=chosen.port,
            ae_title=chosen.ae_title,
            access=Access(chosen.callers, chosen.called, chosen.tls),
        )
    except (IchError, OSError, ValueError) as err:
        sys.exit(f"cannot receive: {err}")
    if left:
        logging.warning("removed %d half files of a receiver that was killed", left)
    tls = ", with TLS" if chosen.tls else ""
    callers = f" from {', '.join(chosen.callers)}" if chosen.callers else ""
    logging.info(
        "%s listens on %s:%d%s, for %s%s",
        chosen.ae_title,
        chosen.host,
        chosen.port,
        tls,
        chosen.inbox,
        callers,
    )
    stop.wait()
    server.shutdown()


def _say(arguments: threading.ExceptHookArgs) -> None:
    logging.error("a connection failed (%s)", arguments.exc_type.__name__)


if __name__ == "__main__":
    main()
