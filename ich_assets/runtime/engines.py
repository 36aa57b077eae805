"""Dagster's SQLite stores during a batch: one SQLAlchemy engine for each file, not for each query.

Dagster makes a new engine for each query, some four hundred for a series, and each compiles its
statements anew. That is half of the time that Dagster takes for a series. An engine with a
``NullPool`` keeps no connection, so a kept one opens and closes the file as a new one does.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

STORES = (sqlite_event_log, sqlite_run_storage)
"""Modules of Dagster that make an engine for each query."""
KEPT = 8
"""Engines kept at once: the index, the runs, and the files of the last few runs."""
_NAME = "create_engine"


@contextmanager
def kept_engines() -> Iterator[None]:
    """Inside the block the SQLite stores of this process use the same engine again.

    References
    ----------
    docs.sqlalchemy.org/en/20/core/connections.html (engine disposal, the compiled cache)
    """
    engines: OrderedDict[str, Engine] = OrderedDict()
    makers = {store: vars(store)[_NAME] for store in STORES}

    def engine(url: str, **options: Any) -> Engine:
        make = makers[STORES[0]]
        if options.get("poolclass") is not NullPool:
            return make(url, **options)
        key = f"{url} {sorted(options.get('connect_args', {}).items())}"
        if key not in engines:
            engines[key] = make(url, **options)
        engines.move_to_end(key)
        if len(engines) > KEPT:
            engines.popitem(last=False)
        return engines[key]

    for store in STORES:
        vars(store)[_NAME] = engine
    try:
        yield
    finally:
        for store, make in makers.items():
            vars(store)[_NAME] = make
