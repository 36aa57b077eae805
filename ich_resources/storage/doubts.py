"""What makes the number of a series doubtful: remarks of the scan, and checks that it fails."""

from collections.abc import Sequence

from ich_resources.reasons import Reason
from ich_resources.storage.outcome import SeriesOutcome

DOUBTFUL = (Reason.NOT_HEAD, Reason.CONTRAST, Reason.BONE_KERNEL, Reason.NOT_BRAIN_WINDOW)
"""Remarks on a series that the networks were not made for. The scan prefers a series without."""


def doubts(outcome: SeriesOutcome, failed_checks: Sequence[str]) -> tuple[str, ...]:
    """Return the reason codes and the names of checks that make a number doubtful.

    Parameters
    ----------
    outcome : SeriesOutcome
        The series.
    failed_checks : sequence of str
        Names of the checks that its results fail.
    """
    codes = {str(remark.code) for remark in outcome.series.remarks}
    return (*(str(code) for code in DOUBTFUL if str(code) in codes), *failed_checks)
