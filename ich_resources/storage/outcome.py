"""What became of a series: every slice found is scored, refused, failed or still waiting."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ich_resources.recipe import PROCESSED, SALIENCY
from ich_resources.series import SeriesRecord
from ich_resources.storage.records import CHECKS, UNCHECKED, Failure, Record

SeriesState = Literal["done", "incomplete", "failed", "refused", "waiting"]
SHOWN = 3
"""Failed slices named in a line for the terminal."""
NOT_RUN = "SERIES_FAILED"
"""Reason code of a good slice whose series failed as a whole."""


@dataclass(frozen=True)
class NotScored:
    """One slice or file without a probability, and why."""

    path: str
    sop_instance_uid: str
    state: Literal["refused", "failed"]
    code: str
    reason: str


@dataclass(frozen=True)
class SeriesOutcome:
    """One series of the ledger, and what was made of it.

    Attributes
    ----------
    series : SeriesRecord
        As found.
    records : dict of str to Record
        The steps whose results still hold.
    state : str
        ``done``, ``incomplete`` (some slices failed), ``failed``, ``refused`` or ``waiting``.
    scored, waiting : int
        Slices with ensemble probabilities; slices not yet looked at.
    not_scored : tuple of NotScored
        The refused and the failed ones.
    failure : str
        Why the whole series failed; empty where it did not.
    """

    series: SeriesRecord
    records: Mapping[str, Record]
    state: SeriesState
    scored: int
    waiting: int
    not_scored: tuple[NotScored, ...]
    failure: str = ""

    def count(self, state: str) -> int:
        """Return how many slices were refused or failed."""
        return sum(item.state == state for item in self.not_scored)

    @property
    def counts(self) -> dict[str, int]:
        """Slices by what became of them; found is the sum of the others."""
        return {
            "found": len(self.series.slices),
            "scored": self.scored,
            "refused": self.count("refused"),
            "failed": self.count("failed"),
            "waiting": self.waiting,
        }

    @property
    def why(self) -> str:
        """Why the series is not done: its failure, or its first failed slices."""
        failed = [item for item in self.not_scored if item.state == "failed"]
        listed = "; ".join(f"{item.path}: {item.reason}" for item in failed[:SHOWN])
        rest = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        return self.failure or listed + rest

    @property
    def reasons(self) -> str:
        """Reason codes with their counts, for a table: ``LOCALIZER x2, NO_PIXELS``."""
        counts = Counter(item.code for item in self.not_scored)
        return ", ".join(f"{c} x{n}" if n > 1 else c for c, n in sorted(counts.items()))


def judge_outcome(
    series: SeriesRecord, records: Mapping[str, Record], failure: Failure | None
) -> SeriesOutcome:
    """Say what became of a series.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger of the last scan.
    records : dict of str to Record
        The steps whose results hold for exactly this series, these weights and options.
    failure : Failure or None
        What the last run noted.
    """
    not_scored = [
        NotScored(
            s.path, s.sop_instance_uid, s.judgement.state, s.judgement.code, s.judgement.reason
        )
        for s in series.slices
        if s.judgement is not None
    ]
    if not series.to_be_scored:
        return SeriesOutcome(series, {}, "refused", 0, 0, tuple(not_scored))
    admitted = [s for s in series.slices if s.judgement is None]
    processed = records.get(PROCESSED)
    if processed is not None:
        not_scored += [NotScored(**item, state="failed") for item in processed.content["failed"]]
    doubted = failure is not None and failure.step in (CHECKS, UNCHECKED)
    done = SALIENCY in records and processed is not None and not doubted
    if done and processed is not None:
        incomplete = any(item.state == "failed" for item in not_scored)
        state: SeriesState = "incomplete" if incomplete else "done"
        scored = len(processed.content["slices"])
        return SeriesOutcome(series, records, state, scored, 0, tuple(not_scored))
    if failure is not None:
        seen = {item.path for item in not_scored}
        not_scored += [
            NotScored(**item, state="failed") for item in failure.slices if item["path"] not in seen
        ]
    known = {item.path for item in not_scored}
    rest = [s for s in admitted if s.path not in known]
    under_way = failure is not None and failure.step == UNCHECKED
    if (failure is None or under_way) and admitted:
        why = failure.message if failure is not None else ""
        return SeriesOutcome(series, records, "waiting", 0, len(rest), tuple(not_scored), why)
    why = failure.message if failure is not None else "no slice of it can be used"
    not_scored += [
        NotScored(s.path, s.sop_instance_uid, "failed", NOT_RUN, f"its series failed: {why}")
        for s in rest
    ]
    return SeriesOutcome(series, records, "failed", 0, 0, tuple(not_scored), failure=why)


def total_counts(outcomes: Sequence[SeriesOutcome]) -> dict[str, int]:
    """Return the slices of all series by what became of them."""
    keys = ("found", "scored", "refused", "failed", "waiting")
    return {key: sum(outcome.counts[key] for outcome in outcomes) for key in keys}
