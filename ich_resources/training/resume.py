"""The state of a training between two epochs."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from torch import Tensor

from ich_resources.training.results import EpochResult


@dataclass(frozen=True)
class TrainingState:
    """A training after some epochs: tensors and plain values alone.

    Attributes
    ----------
    history : tuple of EpochResult
        The finished epochs.
    weights : dict of str to Tensor
        State dict of the network.
    optimiser : dict
        State dict of the optimiser.
    best : int or None
        The best validated epoch so far.
    best_weights : dict of str to Tensor or None
        Its weights.
    """

    history: tuple[EpochResult, ...]
    weights: dict[str, Tensor]
    optimiser: dict[str, Any]
    best: int | None
    best_weights: dict[str, Tensor] | None

    def to_plain(self) -> dict[str, Any]:
        """Return what ``unfinished.write_state`` takes."""
        return {
            "history": [asdict(result) for result in self.history],
            "weights": self.weights,
            "optimiser": self.optimiser,
            "best": self.best,
            "best_weights": self.best_weights,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Return the state that ``to_plain`` gave."""
        return cls(
            tuple(EpochResult(**result) for result in plain["history"]),
            plain["weights"],
            plain["optimiser"],
            plain["best"],
            plain["best_weights"],
        )
