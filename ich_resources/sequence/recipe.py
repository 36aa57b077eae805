"""The settings of one training of a sequence model: everything that decides its weights."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ich_resources.backbones.table import FOLDS
from ich_resources.digests import fingerprint
from ich_resources.errors import CheckpointError

Padding = Literal["equal", "zeros"]
SequenceFolds = Literal["same", "kfold48"]
SequenceFeatures = Literal["each", "mean"]

RATE_DROPS = (0.5, 0.75)
"""Parts of the epochs after which the rate falls to a tenth: after 20 and 30 of the 40 epochs."""
_CHOICES: dict[str, tuple[str, ...]] = {
    "padding": ("equal", "zeros"),
    "sequence_folds": ("same", "kfold48"),
    "sequence_features": ("each", "mean"),
}


@dataclass(frozen=True)
class SequenceRecipe:
    """The settings of one training of one fold of the sequence models.

    Attributes
    ----------
    fold : int
        The fold that is held out.
    epochs : int
        Passes over the series.
    batch_size : int
        Series per step of the optimiser.
    rate : float
        Learning rate of Adam at the start.
    padding : {"equal", "zeros"}
        ``equal``: a batch holds series of equal length, and nothing is padded. ``zeros``: as the
        reference, zeros up to 24 slices, which are trained as slices without a bleed.
    sequence_folds : {"same", "kfold48"}
        The folds of the 2D networks, or those of the reference.
    sequence_features : {"each", "mean"}
        For a series that no network has seen: run on the features of each 2D fold and average the
        probabilities, or average features and probabilities of the 2D folds before.
    seed : int
        Seed of samples, dropout and the first weights.

    Raises
    ------
    ValueError
        If a value is not among the choices.
    """

    fold: int
    epochs: int = 40
    batch_size: int = 128
    rate: float = 3e-4
    padding: Padding = "equal"
    sequence_folds: SequenceFolds = "same"
    sequence_features: SequenceFeatures = "each"
    seed: int = 1992

    def __post_init__(self) -> None:
        wrong = [name for name, allowed in _CHOICES.items() if getattr(self, name) not in allowed]
        if not 0 <= self.fold < FOLDS:
            wrong.append("fold")
        if self.epochs < 1:
            wrong.append("epochs")
        if self.batch_size < 2:  # batch norm needs two samples
            wrong.append("batch_size")
        if not self.rate > 0:
            wrong.append("rate")
        if self.seed < 0:
            wrong.append("seed")
        if wrong:
            shown = ", ".join(f"{name} {getattr(self, name)!r}" for name in wrong)
            raise ValueError(f"the settings of a sequence model cannot have these values: {shown}")

    def rate_of(self, epoch: int) -> float:
        """Return the learning rate of an epoch.

        Parameters
        ----------
        epoch : int
            Its number, from 0.
        """
        passed = sum(epoch >= round(part * self.epochs) for part in RATE_DROPS)
        return self.rate * 0.1**passed

    def to_plain(self) -> dict[str, Any]:
        """Return the fields as plain values, as checkpoints and records hold them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return the recipe that ``to_plain`` gave.

        Raises
        ------
        CheckpointError
            If a field is missing, unknown or has a value that it cannot have.
        """
        try:
            return cls(**plain)
        except (TypeError, ValueError) as err:
            raise CheckpointError(
                f"the settings of a sequence model cannot be read: {err}",
                remedy="use the version of ich that trained it, or train again",
            ) from err

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all fields, hexadecimal."""
        return fingerprint(self.to_plain())
