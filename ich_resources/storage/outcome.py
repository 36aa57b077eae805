"""What became of a series: every slice found is scored, refused, failed or waiting."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ich_resources.plain_text import one_line
from ich_resources.reasons import Reason
from ich_resources.series import Remark, SeriesRecord
from ich_resources.steps import BY_NAME, DICOM_RESULTS, PROCESSED, final_steps
from ich_resources.storage.content import Content
from ich_resources.storage.failures import CHECKS, UNCHECKED, Failure
from ich_resources.storage.objects_schema import ObjectsContent
from ich_resources.storage.processed_schema import FailedSlice, PixelRemark, ProcessedContent
from ich_resources.storage.record import Record, content_as

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
    """One series of the ledger, and its results.

    Attributes
    ----------
    series : SeriesRecord
        As found.
    records : dict of str to Record
        The valid records, by step.
    state : str
        ``done``, ``incomplete`` (some slices failed), ``failed``, ``refused`` or ``waiting``.
    scored, waiting : int
        Slices with ensemble probabilities; slices that no run has looked at yet.
    not_scored : tuple of NotScored
        The refused and the failed slices.
    failure : str
        Why the whole series failed; empty where it did not fail.
    after_scoring : str
        Why a step after the scoring has failed that was asked for; empty where none has. It does
        not change the state: the scores are there.
    """

    series: SeriesRecord
    records: Mapping[str, Record[Content]]
    state: SeriesState
    scored: int
    waiting: int
    not_scored: tuple[NotScored, ...]
    failure: str = ""
    after_scoring: str = ""

    @property
    def processed(self) -> ProcessedContent | None:
        """Content of the valid record of ``processed_series``, or None."""
        record = self.records.get(PROCESSED)
        return None if record is None else content_as(record, ProcessedContent).content

    @property
    def remarks(self) -> tuple[str, ...]:
        """Code and sentence of each remark: of the scan, of the pixels, of DICOM objects."""
        found: list[Remark | PixelRemark] = [*self.series.remarks]
        found += self.processed.remarks if self.processed is not None else ()
        record = self.records.get(DICOM_RESULTS)
        missing = self.after_scoring
        if record is not None and not missing:
            missing = content_as(record, ObjectsContent).content.left_out
        found += [Remark(Reason.NO_OBJECTS, one_line(missing))] if missing else []
        return tuple(f"{remark.code}: {remark.reason}" for remark in found)

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
        return one_line(self.failure or listed + rest)

    @property
    def reasons(self) -> str:
        """Reason codes with their counts, for a table: ``LOCALIZER x2, NO_PIXELS``."""
        counts = Counter(item.code for item in self.not_scored)
        return ", ".join(f"{c} x{n}" if n > 1 else c for c, n in sorted(counts.items()))


def judge_outcome(
    series: SeriesRecord, records: Mapping[str, Record[Content]], failure: Failure | None
) -> SeriesOutcome:
    """Return what became of a series.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger of the last scan.
    records : dict of str to Record
        The valid records of its steps.
    failure : Failure or None
        Why the last run failed.
    """
    after_scoring = ""
    if failure is not None and failure.step in BY_NAME and BY_NAME[failure.step].after_scoring:
        after_scoring, failure = failure.message, None
    not_scored = _not_admitted(series)
    if not series.to_be_scored:
        return SeriesOutcome(series, {}, "refused", 0, 0, tuple(not_scored))
    admitted = [s for s in series.slices if s.judgement is None]
    processed = SeriesOutcome(series, records, "waiting", 0, 0, ()).processed
    if processed is not None:
        not_scored += [_failed(item) for item in processed.failed]
    in_doubt = failure is not None and failure.step in (CHECKS, UNCHECKED)
    finished = records.keys() >= set(final_steps()) and not in_doubt
    if finished and processed is not None:
        incomplete = any(item.state == "failed" for item in not_scored)
        state: SeriesState = "incomplete" if incomplete else "done"
        scored, listed = len(processed.slices), tuple(not_scored)
        return SeriesOutcome(series, records, state, scored, 0, listed, after_scoring=after_scoring)
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


def _not_admitted(series: SeriesRecord) -> list[NotScored]:
    return [
        NotScored(
            s.path, s.sop_instance_uid, s.judgement.state, s.judgement.code, s.judgement.reason
        )
        for s in series.slices
        if s.judgement is not None
    ]


def _failed(item: FailedSlice) -> NotScored:
    return NotScored(item.path, item.sop_instance_uid, "failed", item.code, item.reason)


def total_counts(outcomes: Sequence[SeriesOutcome]) -> dict[str, int]:
    """Return the slices of all series by what became of them."""
    keys = ("found", "scored", "refused", "failed", "waiting")
    return {key: sum(outcome.counts[key] for outcome in outcomes) for key in keys}
