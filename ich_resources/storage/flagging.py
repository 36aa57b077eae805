"""Which series the threshold on P(any) flags: one more column of ``predictions_per_series.csv``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY
from ich_resources.judged import Threshold
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.probability_schemas import PredictionsContent
from ich_resources.storage.shown import shown_content, shown_models

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

    def row(self, outcome: SeriesOutcome, probabilities: FloatArray | None) -> dict[str, Any]:
        """Return the cell of a series: True, False, or None where there is nothing to compare.

        Parameters
        ----------
        outcome : SeriesOutcome
            The series.
        probabilities : float32 array, shape (N, 6), or None
            As the tables show them.
        """
        if probabilities is None or not self.fits(outcome):
            return {FLAGGED: None}
        return {FLAGGED: bool(float(probabilities[:, ANY].max()) >= self.threshold)}

    def fits(self, outcome: SeriesOutcome) -> bool:
        """Return whether the threshold was chosen for the networks of a series."""
        if self.chosen is None:
            return True
        contents = [record.content for record in outcome.records.values()]
        used = {
            content.backbone: tuple(fold.digest for fold in content.folds)
            for content in contents
            if isinstance(content, PredictionsContent)
        }
        shown = shown_content(outcome.records)
        calibration = None if shown is None else shown.calibration
        return (
            used == dict(self.chosen.checkpoints)
            and calibration == self.chosen.calibration
            and shown_models(outcome.records) == self.chosen.sequence
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
