"""``run_report.json``: what ran, with what, how long, and the accounting of every file."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from ich_resources.series import Ledger
from ich_resources.steps import CODE_VERSIONS, SEQUENCE, steps_of
from ich_resources.storage.outcome import SeriesOutcome, total_counts
from ich_resources.storage.shown import probabilities_from
from ich_resources.worth import least

PACKAGES = (
    "ich",
    "dagster",
    "torch",
    "torchvision",
    "pretrainedmodels",
    "pydicom",
    "opencv-python-headless",
    "numpy",
    "pandas",
    "matplotlib",
)
"""Packages whose versions are reported."""
DISCLAIMER = "Research use only. Not for diagnosis."
STATES = ("done", "incomplete", "failed", "waiting", "refused")


def run_report(
    ledger: Ledger,
    outcomes: Sequence[SeriesOutcome],
    *,
    options: Mapping[str, Any],
    checkpoints: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, Any],
    written: str,
    left_behind: Sequence[str],
) -> dict[str, Any]:
    """Return the report of a run root.

    Parameters
    ----------
    ledger : Ledger
        The last scan.
    outcomes : sequence of SeriesOutcome
        One per series of the ledger.
    options : mapping
        Options that change the results.
    checkpoints : sequence of mapping
        backbone, file, sha256 of every fold used.
    seconds : mapping
        ``batch``, the wall time of the batch, None where there was none; ``complete_to_result``,
        how long series of the inbox took, where there is one.
    written : str
        The time, in UTC, of what this report and the tables over slices hold.
    left_behind : sequence of str
        Series with results in the run root that the last scan did not find.
    """
    timings: dict[str, float] = {}
    for outcome in outcomes:
        for step, record in outcome.records.items():
            timings[step] = round(timings.get(step, 0.0) + record.content.seconds, 3)
    source = probabilities_from(outcomes)
    worths = [r.content.worth for o in outcomes for r in o.records.values()]
    states = {state: sum(o.state == state for o in outcomes) for state in STATES}
    return {
        "disclaimer": DISCLAIMER,
        "written": written,
        **({} if source == "ensemble" else {"probabilities_from": source}),
        "untrained_weights": "nothing" in worths,
        "trained_on": least(worths) if worths else None,
        "input": list(ledger.input_dirs),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "code_versions": {code: CODE_VERSIONS[code] for code in _codes(source, outcomes)},
        "options": dict(options),
        "checkpoints": list(checkpoints),
        "seconds": {"batch": None, "steps": timings, **seconds},
        "files": {
            "seen": ledger.files_seen,
            "not_dicom": ledger.files_not_dicom,
            "in_no_series": [
                {
                    "path": s.path,
                    "state": s.judgement.state,
                    "code": s.judgement.code,
                    "reason": s.judgement.reason,
                }
                for s in ledger.unassigned
            ],
            "identical_copies": sorted(
                c for o in outcomes for s in o.series.slices for c in s.copies
            ),
        },
        "series_by_state": states,
        "slices": total_counts(outcomes),
        "series_not_found_any_more": list(left_behind),
        "series": [_series(outcome) for outcome in outcomes],
    }


def _codes(source: str, outcomes: Sequence[SeriesOutcome]) -> list[str]:
    """Return the codes of the steps, those of optional steps only where they gave something."""
    gave = {step for outcome in outcomes for step in outcome.records}
    if "sequence" not in source:  # no table shows them
        gave.discard(SEQUENCE)
    kept = (s for s in steps_of("series") if s.option is None or s.name in gave)
    return list(dict.fromkeys(step.code for step in kept))


def _series(outcome: SeriesOutcome) -> dict[str, Any]:
    return {
        "series_id": outcome.series.series_instance_uid,
        "study_id": outcome.series.study_instance_uid,
        "state": outcome.state,
        **outcome.counts,
        "reasons": outcome.reasons,
        "failure": outcome.failure,
        "seconds": {step: record.content.seconds for step, record in outcome.records.items()},
        **{f"{what}s": _all(outcome, what) for what in ("device", "backend", "precision")},
        "computed_by": _all(outcome, "computed_by"),
    }


def _all(outcome: SeriesOutcome, what: str) -> list[str]:
    values = {getattr(record.content, what, None) for record in outcome.records.values()}
    return sorted(value for value in values if value is not None)
