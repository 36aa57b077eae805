"""What the tables and the worklist say of one series: everything is formatted once, and kept."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from ich_resources.storage.shown import ScoredBy

RANKED = "max_any"
"""The column that ranks: the highest P(any) of a series."""


@dataclass(frozen=True)
class TableRow:
    """One series, as every table over all series needs it.

    Attributes
    ----------
    series, study : str
        SeriesInstanceUID and StudyInstanceUID.
    primary : bool
        Whether the scan chose it to stand for its study.
    state : str
        As ``SeriesOutcome.state``.
    counts : tuple of int
        Slices found, scored, refused, failed, waiting.
    p_any : float or None
        The number that ranks it; None without one. It may be of an earlier version.
    earlier : str
        Empty for a current number. Else what the number is, and what became of the new version.
    doubts : tuple of str
        Reason codes and names of checks that make the number doubtful.
    worth : str or None
        What its networks were trained on, the least of them; None without a number.
    networks : ScoredBy or None
        What gave the number.
    slices : int
        Number of slices that the number comes from.
    cells : dict of str to str
        Its CSV cells in ``predictions_per_series.csv``, by column, without rank.
    ledger : str
        Its line in ``series_ledger.csv``.
    not_scored : str
        Its lines in ``slices_not_scored.csv``.
    page : dict
        Its row of the worklist.
    preview : str or None
        SHA-256 of its pictures for the worklist; None where it has none, or an earlier version
        wrote no digest.
    unscored : tuple of dict
        Its files without a probability, as the worklist groups them.
    """

    series: str
    study: str
    primary: bool
    state: str
    counts: tuple[int, ...]
    p_any: float | None
    earlier: str
    doubts: tuple[str, ...]
    worth: str | None
    networks: ScoredBy | None
    slices: int
    cells: dict[str, str]
    ledger: str
    not_scored: str
    page: dict[str, Any]
    preview: str | None = None
    unscored: tuple[dict[str, Any], ...] = ()

    @property
    def listed(self) -> bool:
        """Whether it has a row in the table of predictions: it should be scored, or once was."""
        return self.state != "refused" or self.p_any is not None

    def to_json(self) -> str:
        """Return all values as JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "TableRow":
        """Return the row that ``to_json`` wrote.

        Raises
        ------
        LookupError, TypeError, ValueError
            If the text is damaged.
        """
        value = json.loads(text)
        made = value["networks"]
        if made is not None:
            folds = {name: tuple(files) for name, files in made["checkpoints"].items()}
            made = ScoredBy(folds, made["calibration"], tuple(made["sequence"]))
        value["networks"] = made
        for name in ("counts", "doubts", "unscored"):
            value[name] = tuple(value[name])
        return cls(**value)
