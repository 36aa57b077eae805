"""Scans of small test folders, and the entries of their ledgers."""

from functools import partial

from ich_resources.dicom import discovery
from ich_resources.reasons import Reason
from ich_resources.series import Ledger, SeriesRecord

scan = partial(discovery.scan, policy={"TOO_FEW_SLICES": "warn", "NOT_AXIAL": "warn"})
"""A scan that takes series of one slice and of any plane."""


def only_series(ledger: Ledger) -> SeriesRecord:
    """Return the one series of a ledger."""
    (series,) = ledger.series
    return series


def unassigned_codes(ledger: Ledger) -> dict[str, Reason]:
    """Return the reason codes of the files that belong to no series, by path."""
    return {file.path: file.judgement.code for file in ledger.unassigned}
