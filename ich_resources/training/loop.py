"""The training of one fold: epochs, validation, the kept weights."""

from pathlib import Path

from ich_resources.training.initial_files import InitialFile
from ich_resources.training.recipe import Recipe
from ich_resources.training.results import Hooks, Machine, TrainedFold
from ich_resources.training.slices import TrainingSlices

_HOOKS, _MACHINE = Hooks(), Machine()


def train_fold(
    slices: TrainingSlices,
    validation: TrainingSlices,
    recipe: Recipe,
    initial: InitialFile,
    state_folder: Path,
    *,
    machine: Machine = _MACHINE,
    hooks: Hooks = _HOOKS,
) -> TrainedFold:
    """Train one fold of one backbone; go on where an earlier process was ended."""
    raise NotImplementedError
