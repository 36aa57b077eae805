"""The table of a sequence training's epochs, ``log.csv``."""

from collections.abc import Sequence
from dataclasses import asdict

from ich_resources.sequence.results import SequenceEpoch

LOG_NAME = "log.csv"


def log_csv(history: Sequence[SequenceEpoch]) -> bytes:
    """Return the table of the epochs, one or more, with a row for each."""
    rows = [asdict(epoch) for epoch in history]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return ("\n".join(lines) + "\n").encode()
