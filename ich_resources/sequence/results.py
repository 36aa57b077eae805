"""What the training of a sequence model tells while it runs, and what it gives in the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SequenceEpoch:
    """One epoch.

    Attributes
    ----------
    epoch : int
        Its number, from 0.
    rate : float
        Learning rate.
    seconds : float
        Time it took, validation included.
    train_loss : float
        Mean over its samples of the loss of both heads.
    head1, head2 : float
        Weighted log loss of each head on whole held-out series, forward.
    """

    epoch: int
    rate: float
    seconds: float
    train_loss: float
    head1: float
    head2: float


@dataclass(frozen=True)
class SequenceHooks:
    """Functions of the caller that a training calls.

    Attributes
    ----------
    on_epoch : callable
        Called after each epoch, when its state is on disk.
    on_message : callable
        Called with one sentence for people.
    check : callable
        Called before each batch. Its error ends the training; the last finished epoch stays.
    """

    on_epoch: Callable[[SequenceEpoch], None] = field(default=lambda result: None)
    on_message: Callable[[str], None] = field(default=lambda text: None)
    check: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class TrainedSequence:
    """A finished training.

    Attributes
    ----------
    weights : dict of str to Tensor
        State dict of the kept epoch, on the CPU.
    kept : SequenceEpoch
        The epoch with the lowest loss of head 2; of equal ones the earliest.
    history : tuple of SequenceEpoch
        All epochs.
    device : str
        For people.
    resumed : int
        Epochs that an earlier process had finished.
    """

    weights: "dict[str, Tensor]"
    kept: SequenceEpoch
    history: tuple[SequenceEpoch, ...]
    device: str
    resumed: int = 0
