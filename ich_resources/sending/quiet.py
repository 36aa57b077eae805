"""The libraries' own log lines: they quote addresses, and say in stacks what we say in a line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("pynetdicom", "dicomweb_client", "retrying", "urllib3")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries from writing anything to a log while the block runs."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.propagate for logger in loggers]
    handler = logging.NullHandler()
    for logger in loggers:
        logger.addHandler(handler)  # without one, Python writes warnings to standard error
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate
