"""Which series the threshold on P(any) flags: one more column of ``predictions_per_series.csv``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ich_resources.judged import Threshold
from ich_resources.storage.shown import ScoredBy

FLAGGED = "flagged"
"""Name of the column. It is there only where a threshold is set."""


@dataclass(frozen=True)
class Flagging:
    """A threshold, and what it may be applied to.

    Attributes
    ----------
    threshold : float
        A series is flagged if the highest P(any) of its slices, as the tables show it, is at least
        this.
    chosen : Threshold or None
        The file it comes from. It is applied to results of its own checkpoints and calibration
        alone. None for a plain number, which is applied to all.
    """

    threshold: float
    chosen: Threshold | None = None

    def flags(self, p_any: float | None, networks: ScoredBy | None) -> bool | None:
        """Return whether a series is flagged; None where there is nothing to compare.

        Parameters
        ----------
        p_any : float or None
            The highest P(any) of its slices, as the tables show it.
        networks : ScoredBy or None
            What gave it.
        """
        if p_any is None or not self.fits(networks):
            return None
        return p_any >= self.threshold

    def fits(self, networks: ScoredBy | None) -> bool:
        """Return whether the threshold was chosen for the networks of a series."""
        if self.chosen is None:
            return True
        return networks is not None and (
            networks.checkpoints == dict(self.chosen.checkpoints)
            and networks.calibration == self.chosen.calibration
            and networks.sequence == self.chosen.sequence
        )

    def about(self) -> Mapping[str, Any]:
        """Return what ``run_report.json`` says of it."""
        if self.chosen is None:
            return {"threshold": self.threshold}
        return {
            "threshold": self.threshold,
            "rule": self.chosen.rule,
            "level": self.chosen.level,
            "calibration": self.chosen.calibration,
            "sha256": self.chosen.sha256,
        }
