"""What a training tells while it runs, and what it gives in the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ich_resources.training.initial_files import InitialFile

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EpochResult:
    """One epoch of a training.

    Attributes
    ----------
    epoch : int
        Its number, from 0.
    rate : float
        Learning rate of its last step.
    seconds : float
        Time it took, validation included.
    train_loss : float
        Mean loss over its samples.
    validation_loss : float or None
        Plain binary cross entropy on the held-out slices; None where it was not validated.
    weighted_log_loss : float or None
        The metric on the held-out slices.
    losses, aucs : tuple of (float or None), length 6, or None
        By class, on the held-out slices. None for a class without labels, or with fewer than two
        positives or negatives.
    """

    epoch: int
    rate: float
    seconds: float
    train_loss: float
    validation_loss: float | None = None
    weighted_log_loss: float | None = None
    losses: tuple[float | None, ...] | None = None
    aucs: tuple[float | None, ...] | None = None


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Hooks:
    """Functions of the caller that a training calls.

    Attributes
    ----------
    on_epoch : callable
        Called after each epoch, when its state is on disk.
    on_message : callable
        Called with one sentence for people: a resumed training, the time that is left.
    check : callable
        Called before each batch. Its error ends the training; the last finished epoch stays.
    """

    on_epoch: Callable[[EpochResult], None] = field(default=lambda result: None)
    on_message: Callable[[str], None] = field(default=lambda text: None)
    check: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Machine:
    """Where a training runs. None of it changes the samples.

    Attributes
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}
        One device; ``auto`` is the first GPU where there is one.
    threads : int
        Threads that decode and augment ahead.
    """

    device: str = "auto"
    threads: int = 4


@dataclass(frozen=True)
class TrainedFold:
    """A finished training.

    Attributes
    ----------
    weights : dict of str to Tensor
        State dict of the kept epoch, on the CPU, without ``module.``.
    kept : EpochResult
        The kept epoch.
    history : tuple of EpochResult
        All epochs.
    fingerprint : str
        Of recipe, slices and initial weights; as in ``last.pth``.
    log : Path
        The table of all epochs.
    device : str
        For people.
    precision : {"float32", "bfloat16"}
        Arithmetic of its passes.
    initial : InitialFile
        Where the first weights came from.
    resumed : int
        Epochs that an earlier process had finished.
    """

    weights: "dict[str, Tensor]"
    kept: EpochResult
    history: tuple[EpochResult, ...]
    fingerprint: str
    log: Path
    device: str
    precision: Literal["float32", "bfloat16"]
    initial: InitialFile
    resumed: int = 0
