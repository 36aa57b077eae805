"""One epoch: batches through the network, gradients, steps of the optimiser."""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ich_resources.backbones.heads import Network
from ich_resources.backbones.inputs import to_input
from ich_resources.errors import InferenceError
from ich_resources.training.arithmetic import autocast
from ich_resources.training.batches import Batch, training_batches, workers
from ich_resources.training.loss import class_weights, label_weight, summed_loss
from ich_resources.training.recipe import TIMES_PER_EPOCH, Recipe
from ich_resources.training.results import Hooks
from ich_resources.training.sampling import batch_positions, usable_series
from ich_resources.training.schedule import rate_at
from ich_resources.training.seeds import torch_seed
from ich_resources.training.slices import TrainingSlices

BETAS, EPS = (0.9, 0.999), 1e-8
"""Of Adam, as the reference."""
_TIMED = 3
"""Batches after the first whose time gives the estimate."""


class EpochRunner:
    """Trains a network epoch by epoch.

    Parameters
    ----------
    network : Network
        With its first weights; moved to the device.
    slices : TrainingSlices
        What is trained on.
    recipe : Recipe
        With its precision resolved.
    device : torch.device
        Where it runs.
    threads : int
        Threads that make batches.
    hooks : Hooks
        ``check`` is called before each batch; ``on_message`` is told how long it will take.
    """

    def __init__(
        self,
        network: Network,
        slices: TrainingSlices,
        recipe: Recipe,
        device: torch.device,
        threads: int,
        hooks: Hooks,
    ) -> None:
        self.network = network.to(device).to(memory_format=network.memory_format)
        self.threads = threads
        self.hooks = hooks
        self._slices = slices
        self._recipe = recipe
        self._device = device
        self._weights = class_weights(recipe.any_weight, device)
        samples = len(usable_series(slices, last_slice=recipe.last_slice)) * TIMES_PER_EPOCH
        self.steps = len(batch_positions(samples, recipe.batch_size))
        self.optimiser = torch.optim.Adam(
            self.network.parameters(),
            lr=recipe.rate,
            betas=BETAS,
            eps=EPS,
            weight_decay=recipe.weight_decay,
        )
        self._untold = True

    def load(self, weights: dict[str, Tensor], optimiser: dict[str, Any]) -> None:
        """Go on from the state of an earlier process.

        Parameters
        ----------
        weights : dict of str to Tensor
            State dict of the network. All names must be there; the device does not count.
        optimiser : dict
            State dict of Adam.
        """
        self.network.load_state_dict(weights, strict=True)
        self.optimiser.load_state_dict(optimiser)

    def train(self, epoch: int) -> tuple[float, float]:
        """Train one epoch.

        Returns
        -------
        rate : float
            Learning rate of the last step.
        loss : float
            Mean over the labels of the epoch.

        Raises
        ------
        DatasetError
            If an image cannot be read.
        InferenceError
            If the loss is not a finite number.
        """
        torch.manual_seed(torch_seed(self._recipe, epoch))
        self.network.train()
        rate, losses, weights = 0.0, [], []
        for step, batch in enumerate(self._timed(epoch)):
            rate = self._rate(epoch, step)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            loss, weight = self._step(batch)
            losses.append(loss)
            weights.append(weight)
        total = float(torch.stack(losses).double().sum() / torch.stack(weights).double().sum())
        if not math.isfinite(total):
            raise InferenceError(
                f"the loss of epoch {epoch} is not a finite number",
                remedy="set a smaller rate or clip_norm, or precision to float32",
            )
        return rate, total

    def _rate(self, epoch: int, step: int) -> float:
        return rate_at(
            self._recipe.schedule,
            self._recipe.rate,
            epoch=epoch,
            step=step,
            steps_per_epoch=self.steps,
            epochs=self._recipe.epochs,
        )

    def _step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Take one step; return the summed loss and the summed weight of its labels."""
        labels = torch.from_numpy(batch.labels).to(self._device, non_blocking=True)
        weight = label_weight(labels, self._weights)
        micro = self._recipe.micro_batch or len(labels)
        parts = np.array_split(np.arange(len(labels)), math.ceil(len(labels) / micro))
        total = torch.zeros((), device=self._device)
        for part in parts:
            rows = slice(int(part[0]), int(part[-1]) + 1)
            with autocast(self._device, self._recipe.precision):
                logits = self.network(to_input(batch.planes[rows], self.network))
            loss = summed_loss(logits, labels[rows], self._weights)
            (loss / weight).backward()
            total += loss.detach()
        if self._recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._recipe.clip_norm)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return total, weight

    def _timed(self, epoch: int) -> Iterator[Batch]:
        """Give the batches; after some of them tell once how long the training will take."""
        begun = 0.0
        with workers(self.threads) as pool:
            batches = training_batches(self._slices, self._recipe, epoch, pool)
            with closing(batches):
                for number, batch in enumerate(batches):
                    self.hooks.check()
                    if self._untold and number == 1:  # the first one also warms up
                        begun = time.monotonic()
                    if self._untold and number == min(1 + _TIMED, self.steps - 1) > 1:
                        self._tell(epoch, (time.monotonic() - begun) / (number - 1))
                    yield batch

    def _tell(self, epoch: int, seconds_per_batch: float) -> None:
        self._untold = False
        left = (self._recipe.epochs - epoch) * self.steps * seconds_per_batch
        where = "without a GPU, which is slow" if self._device.type == "cpu" else "on a GPU"
        self.hooks.on_message(
            f"training {self._recipe.backbone} {where}: about {duration(left)} for "
            f"{self._recipe.epochs - epoch} epochs of {self.steps} batches, validation aside"
        )


def duration(seconds: float) -> str:
    """Return a time for people: ``40 s``, ``12 min``, ``7.5 h``, ``3.1 days``."""
    for unit, size, limit in (("s", 1, 90), ("min", 60, 5400), ("h", 3600, 172_800)):
        if seconds < limit:
            value = seconds / size
            return f"{value:.1f} {unit}" if unit == "h" else f"{value:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"
