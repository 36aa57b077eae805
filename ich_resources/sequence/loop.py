"""The training of one fold of the sequence models: epochs, validation, the kept weights."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ich_resources.backbones.device import describe_devices, resolve_devices
from ich_resources.digests import fingerprint
from ich_resources.errors import InferenceError
from ich_resources.metric import weighted_log_loss
from ich_resources.sequence.log_table import LOG_NAME, log_csv
from ich_resources.sequence.loss import both_heads_loss
from ich_resources.sequence.network import SequenceNetwork
from ich_resources.sequence.recipe import SequenceRecipe
from ich_resources.sequence.results import SequenceEpoch, SequenceHooks, TrainedSequence
from ich_resources.sequence.samples import (
    Sample,
    ScoredSeries,
    epoch_batches,
    make_sample,
    require_enough,
    stacked,
)
from ich_resources.unfinished import read_state, write_file, write_state

_HOOKS = SequenceHooks()


def train_sequence(
    train: Sequence[ScoredSeries],
    validation: Sequence[ScoredSeries],
    recipe: SequenceRecipe,
    folder: Path,
    *,
    inputs: str,
    device: str = "auto",
    hooks: SequenceHooks = _HOOKS,
) -> TrainedSequence:
    """Train one fold; go on where an earlier process was ended.

    Parameters
    ----------
    train, validation : sequence of ScoredSeries
        The series that train, and those that are held out.
    recipe : SequenceRecipe
        All settings.
    folder : Path
        Takes ``last.pth`` after each epoch, and ``log.csv``.
    inputs : str
        Digest of the series. Recipe and digest decide whether ``last.pth`` is of this training.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        ``auto`` is the first GPU where there is one.
    hooks : SequenceHooks
        Functions of the caller.

    Returns
    -------
    TrainedSequence
        The weights of the epoch with the lowest loss of head 2 on the held-out series.

    Raises
    ------
    IchError
        If there are fewer series than one batch, or none is held out.
    InferenceError
        If the device is absent, or the loss is not finite.
    StorageError
        If the state cannot be written.
    FormatError
        If a newer version of ich wrote the state.
    """
    require_enough(len(train), recipe.batch_size)
    training = _Training(train, validation, recipe, resolve_devices(device)[0])
    mark = fingerprint({"recipe": recipe.to_plain(), "inputs": inputs})
    state, message = read_state(folder, mark, dict)
    if state is not None:
        training.restore(state)
    if message:
        hooks.on_message(message)
    resumed = training.done
    for epoch in range(resumed, recipe.epochs):
        result = training.run_epoch(epoch, hooks)
        write_state(folder, mark, training.state())
        write_file(folder / LOG_NAME, log_csv(training.history))
        hooks.on_epoch(result)
    return TrainedSequence(
        training.best,
        training.kept,
        tuple(training.history),
        describe_devices([training.device]),
        resumed,
    )


class _Training:
    """A network, its optimiser, and what has become of them so far."""

    def __init__(
        self,
        train: Sequence[ScoredSeries],
        validation: Sequence[ScoredSeries],
        recipe: SequenceRecipe,
        device: torch.device,
    ) -> None:
        self._train, self._validation, self._recipe = train, validation, recipe
        self.device = device
        torch.manual_seed(_seed(recipe, 0))
        self._network = SequenceNetwork(len(train[0].features)).to(device)
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=recipe.rate)
        self.history: list[SequenceEpoch] = []
        self.best: dict[str, Tensor] = {}

    @property
    def done(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    @property
    def kept(self) -> SequenceEpoch:
        """The epoch of the best weights."""
        return min(self.history, key=lambda epoch: epoch.head2)

    def run_epoch(self, epoch: int, hooks: SequenceHooks) -> SequenceEpoch:
        """Train and validate once."""
        started = time.perf_counter()
        # Afresh in each epoch: a training that goes on draws the same dropout.
        torch.manual_seed(_seed(self._recipe, epoch + 1))
        rate = self._recipe.rate_of(epoch)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        loss = self._train_once(epoch, hooks)
        head1, head2 = validation_losses(self._network, self._validation)
        seconds = round(time.perf_counter() - started, 3)
        result = SequenceEpoch(epoch, rate, seconds, loss, head1, head2)
        self.history.append(result)
        if self.kept is result:
            self.best = {k: v.detach().cpu().clone() for k, v in self._network.state_dict().items()}
        return result

    def _train_once(self, epoch: int, hooks: SequenceHooks) -> float:
        """Return the mean loss over the samples of an epoch.

        Raises
        ------
        InferenceError
            If the loss is not finite.
        """
        self._network.train()
        total, samples = 0.0, 0
        for batch in epoch_batches(self._train, self._recipe, epoch):
            hooks.check()
            features, channels, labels = tensors(batch, self.device)
            self._optimiser.zero_grad()
            y1, y2 = self._network(features, channels)
            loss = both_heads_loss(y1, y2, labels)
            loss.backward()
            self._optimiser.step()
            total += loss.item() * len(labels)
            samples += len(labels)
        if not np.isfinite(total):
            raise InferenceError(
                f"the loss of epoch {epoch} is not finite",
                remedy="set sequence.rate lower, and check the features of the 2D networks",
            )
        return total / max(samples, 1)

    def state(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on."""
        return {
            "network": self._network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "best": self.best,
            "history": [asdict(epoch) for epoch in self.history],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.best = state["best"]
        self.history = [SequenceEpoch(**epoch) for epoch in state["history"]]


def _seed(recipe: SequenceRecipe, number: int) -> int:
    """Return a seed of its own for the first weights (0) and for each epoch after them."""
    state = np.random.SeedSequence([recipe.seed, recipe.fold, number]).generate_state(1)
    return int(state[0])


def tensors(sample: Sample, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return features, channels and labels of a batch on a device.

    Parameters
    ----------
    sample : Sample
        A batch: its arrays have the axis B in front.
    device : torch.device
        Where the tensors go.

    Returns
    -------
    features : float32 Tensor, shape (B, L, M, 2048)
    channels : float32 Tensor, shape (B, L, 6, 2M + 2)
    labels : float32 Tensor, shape (B, L, 6)
        0, 1, or NaN where the class was not read.
    """
    arrays = (np.ascontiguousarray(values, dtype=np.float32) for values in sample)
    features, channels, labels = (torch.from_numpy(values).to(device) for values in arrays)
    return features, channels, labels


def validation_losses(
    network: SequenceNetwork, series: Sequence[ScoredSeries]
) -> tuple[float, float]:
    """Return the weighted log loss of head 1 and head 2 over the slices of whole series, forward.

    Parameters
    ----------
    network : SequenceNetwork
        It is in evaluation mode afterwards.
    series : sequence of ScoredSeries
        At least one with a label.

    Raises
    ------
    InferenceError
        If the network gives a value that is not finite.
    """
    device = next(network.parameters()).device
    network.eval()
    found: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        for one in series:
            features, channels, _ = tensors(stacked([make_sample(one)]), device)
            found.append(network(features, channels))
    labels = np.concatenate([one.labels for one in series])
    logits = [torch.cat([pair[head][0] for pair in found]).double().cpu() for head in (0, 1)]
    if not all(values.isfinite().all() for values in logits):
        raise InferenceError(
            "the sequence network gives values that are not finite",
            remedy="set sequence.rate lower, and check the features of the 2D networks",
        )
    head1, head2 = (weighted_log_loss(labels, torch.sigmoid(one).numpy()) for one in logits)
    return head1, head2
