"""Trains a small fold in a process of its own, so that a test can kill it.

Arguments: folder of the images, folder of the state, threads of batches, seconds of sleep before
each batch of the second epoch, after a file "in_epoch_1" stands in the state's folder.
"""

import sys
import time
from pathlib import Path

import torch
from training_data import make_slices

from ich_resources.backbones.table import BACKBONES
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.loop import train_fold
from ich_resources.training.recipe import Recipe
from ich_resources.training.results import Hooks, Machine

RECIPE = Recipe.for_fold(
    BACKBONES["DenseNet121_change_avg"],
    0,
    input_size=32,
    batch_size=4,
    validation_batch_size=4,
    epochs=3,
    keep="last",  # the last epoch tells most about what a resumed training has done
    init="random",
)


def train(images: Path, state: Path, threads: int, hooks: Hooks):
    """Train on two series of three slices, with one thread of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        slices, held_out = (make_slices(images, 2, seed=seed, slices=3) for seed in (1, 2))
        return train_fold(
            slices,
            held_out,
            RECIPE,
            InitialFile("random"),
            state,
            machine=Machine("cpu", threads),
            hooks=hooks,
        )
    finally:
        torch.set_num_threads(before)


def main() -> None:
    """Train, and wait in the second epoch for the kill."""
    images, state = map(Path, sys.argv[1:3])
    finished = []

    def check() -> None:
        if finished == [0]:
            (state / "in_epoch_1").touch()
            time.sleep(float(sys.argv[4]))

    hooks = Hooks(on_epoch=lambda result: finished.append(result.epoch), check=check)
    train(images, state, int(sys.argv[3]), hooks)


if __name__ == "__main__":
    main()
