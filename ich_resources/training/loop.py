"""The training of one fold: epochs, validation, the kept weights."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ich_resources.backbones.device import describe_devices
from ich_resources.backbones.heads import Network
from ich_resources.digests import fingerprint
from ich_resources.errors import DatasetError
from ich_resources.training.arithmetic import one_device, resolve_precision
from ich_resources.training.epoch import EpochRunner
from ich_resources.training.held_out import judge
from ich_resources.training.initial import initial_network
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.log_table import log_csv
from ich_resources.training.recipe import TIMES_PER_EPOCH, Recipe
from ich_resources.training.results import EpochResult, Hooks, Machine, TrainedFold
from ich_resources.training.resume import TrainingState
from ich_resources.training.sampling import usable_series
from ich_resources.training.schedule import is_validated
from ich_resources.training.slices import TrainingSlices
from ich_resources.training.view_options import ViewOptions
from ich_resources.training.views import predict_views
from ich_resources.unfinished import read_state, write_file, write_state

LOG_NAME = "log.csv"


def train_fold(
    slices: TrainingSlices,
    validation: TrainingSlices,
    recipe: Recipe,
    initial: InitialFile,
    state_folder: Path,
    *,
    machine: Machine | None = None,
    hooks: Hooks | None = None,
) -> TrainedFold:
    """Train one fold of one backbone; go on where an earlier process was ended.

    After each epoch the state and the table of epochs are on disk. A training that is done returns
    at once while its state is there; ``resume.forget_state`` removes it.

    Parameters
    ----------
    slices, validation : TrainingSlices
        What is trained on, and the held-out fold.
    recipe : Recipe
        All settings that decide the weights.
    initial : InitialFile
        From ``initial_files.find_initial``.
    state_folder : Path
        Takes ``last.pth`` and ``log.csv``; made if missing.
    machine : Machine, optional
        Device and threads.
    hooks : Hooks, optional
        Functions of the caller; ``check`` may end the training.

    Raises
    ------
    DatasetError
        If there are fewer samples than one batch, the held-out fold has no label, or an image
        cannot be read.
    CheckpointError
        If the first weights cannot be used.
    InferenceError
        If the device is absent, or a loss is not finite.
    StorageError
        If the state cannot be written. The state of the last finished epoch stays.
    """
    machine, hooks = machine or Machine(), hooks or Hooks()
    _require_enough(slices, validation, recipe)
    device = one_device(machine.device)
    recipe = replace(recipe, precision=resolve_precision(recipe.precision, device))
    print_of = training_fingerprint(slices, validation, recipe, initial)
    state, message = read_state(state_folder, print_of, TrainingState.from_plain)
    if message:
        hooks.on_message(message)
    network = initial_network(recipe, initial)
    runner = EpochRunner(network, slices, recipe, device, machine.threads, hooks)
    progress = _Progress(runner, validation, recipe, state_folder, print_of)
    if state is not None:
        progress.take_over(state)
    resumed = len(progress.history)
    while len(progress.history) < recipe.epochs:
        hooks.on_epoch(progress.train_one())
    kept, weights = progress.kept()
    return TrainedFold(
        weights=weights,
        kept=kept,
        history=tuple(progress.history),
        fingerprint=print_of,
        log=state_folder / LOG_NAME,
        device=describe_devices([device]),
        precision="bfloat16" if recipe.precision == "bfloat16" else "float32",
        initial=initial,
        resumed=resumed,
    )


def training_fingerprint(
    slices: TrainingSlices, validation: TrainingSlices, recipe: Recipe, initial: InitialFile
) -> str:
    """Return the fingerprint of all that the weights depend on, but for the images' bytes.

    Parameters
    ----------
    slices, validation : TrainingSlices
        What is trained on and what is held out. ``digest`` counts.
    recipe : Recipe
        All its settings count.
    initial : InitialFile
        The first weights: their digest, or ``init`` where there is no file.
    """
    return fingerprint(
        {
            "recipe": recipe.to_plain(),
            "slices": slices.digest,
            "validation": validation.digest,
            "initial": initial.digest or initial.init,
        }
    )


def _require_enough(slices: TrainingSlices, validation: TrainingSlices, recipe: Recipe) -> None:
    """Check that the data make at least one batch, and one number of validation.

    Raises
    ------
    DatasetError
        If they do not.
    """
    usable = len(usable_series(slices, last_slice=recipe.last_slice))
    samples = usable * TIMES_PER_EPOCH
    if samples < recipe.batch_size:
        raise DatasetError(
            f"an epoch has {samples} samples ({usable} {recipe.group_by} with labels, "
            f"{TIMES_PER_EPOCH} times each), fewer than one batch of {recipe.batch_size}",
            remedy=f"bring more labelled series, or set batch_size to at most {samples}"
            if samples >= 2
            else "bring labelled series for the other folds",
        )
    if not validation.labelled.any():
        raise DatasetError(
            f"fold {recipe.fold} holds out no slice with a label",
            remedy="bring more patients, or look into folds.csv",
        )


class _Progress:
    """A training between two epochs."""

    def __init__(
        self,
        runner: EpochRunner,
        validation: TrainingSlices,
        recipe: Recipe,
        folder: Path,
        print_of: str,
    ) -> None:
        self.history: list[EpochResult] = []
        self._runner = runner
        self._validation = validation
        self._recipe = recipe
        self._folder = folder
        self._fingerprint = print_of
        self._best: int | None = None
        self._best_weights: dict[str, Tensor] | None = None

    def take_over(self, state: TrainingState) -> None:
        """Go on after the last epoch of an earlier process."""
        self.history = list(state.history)
        self._best, self._best_weights = state.best, state.best_weights
        self._runner.load(state.weights, state.optimiser)

    def train_one(self) -> EpochResult:
        """Train and validate the next epoch, and write its state."""
        begun = time.monotonic()
        epoch = len(self.history)
        rate, loss = self._runner.train(epoch)
        judged: Mapping[str, Any] = {}
        if is_validated(epoch, self._recipe.epochs):
            judged = self._validate()
        result = EpochResult(epoch, rate, time.monotonic() - begun, loss, **judged)
        self.history.append(result)
        self._keep(result)
        state = TrainingState(
            tuple(self.history),
            on_cpu(self._runner.network),
            self._runner.optimiser.state_dict(),
            self._best,
            self._best_weights,
        )
        write_state(self._folder, self._fingerprint, state.to_plain())
        write_file(self._folder / LOG_NAME, log_csv(self.history))
        return result

    def kept(self) -> tuple[EpochResult, dict[str, Tensor]]:
        """Return the kept epoch and its weights."""
        if self._recipe.keep == "last" or self._best is None or self._best_weights is None:
            return self.history[-1], on_cpu(self._runner.network)
        return self.history[self._best], self._best_weights

    def _validate(self) -> Mapping[str, Any]:
        options = replace(ViewOptions.of(self._recipe, "none"), precision=self._recipe.precision)
        predicted = predict_views(
            self._runner.network,
            self._validation,
            options,
            threads=self._runner.threads,
            check=self._runner.hooks.check,
        )
        return judge(self._validation.labels, predicted.mean)

    def _keep(self, result: EpochResult) -> None:
        """Keep the weights of the best validated epoch; of equal ones the earlier."""
        loss = result.weighted_log_loss
        if self._recipe.keep == "last" or loss is None:
            return
        earlier = None if self._best is None else self.history[self._best].weighted_log_loss
        if earlier is None or loss < earlier:
            self._best = result.epoch
            self._best_weights = on_cpu(self._runner.network)


def on_cpu(network: Network) -> dict[str, Tensor]:
    """Return a copy of a network's weights on the CPU, in the plain memory format.

    Parameters
    ----------
    network : Network
        On any device.

    Returns
    -------
    dict of str to Tensor
        State dict. The dtype and the shape of each are those of the network.
    """
    return {
        key: value.detach().to("cpu", copy=True).contiguous()
        for key, value in network.state_dict().items()
    }
