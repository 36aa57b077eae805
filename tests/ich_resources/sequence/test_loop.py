import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sequence_task import make_series, shuffled, single_slice_probabilities

from ich_resources.metric import weighted_log_loss
from ich_resources.sequence.apply import sequence_probabilities
from ich_resources.sequence.loop import train_sequence
from ich_resources.sequence.network import SequenceNetwork
from ich_resources.sequence.recipe import SequenceRecipe
from ich_resources.sequence.results import SequenceHooks, TrainedSequence
from ich_resources.sequence.samples import ScoredSeries

ROOT = Path(__file__).parents[3]


def _tiny(folder: Path, hooks: SequenceHooks | None = None, **changes: object) -> TrainedSequence:
    """Train three epochs on twelve short series."""
    recipe = SequenceRecipe(0, **({"epochs": 3, "batch_size": 4} | changes))  # type: ignore[arg-type]
    series, held_out = make_series(12, 5, (6, 8), width=64), make_series(3, 6, (6, 8), width=64)
    return train_sequence(
        series, held_out, recipe, folder, inputs="i", device="cpu", hooks=hooks or SequenceHooks()
    )


KILLED = """
import os, signal, sys, torch
from pathlib import Path
sys.path.insert(0, {tests!r})
torch.set_num_threads({threads})
import test_loop
from ich_resources.sequence.results import SequenceHooks
batches = 0
def check():
    global batches
    batches += 1
    if batches == 5:  # three batches in each epoch
        os.kill(os.getpid(), signal.SIGKILL)
test_loop._tiny(Path({folder!r}), SequenceHooks(check=check))
"""


@pytest.mark.slow
def test_a_training_that_was_killed_ends_with_equal_bits(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    straight = _tiny(tmp_path / "straight")
    code = KILLED.format(
        tests=str(Path(__file__).parent),
        folder=str(tmp_path / "killed"),
        threads=threads,
    )
    path = f"{ROOT}:{ROOT / 'tests' / 'support'}"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert ended.returncode == -9, ended.stderr

    said: list[str] = []
    resumed = _tiny(tmp_path / "killed", SequenceHooks(on_message=said.append))

    assert said == ["the training goes on; finished epochs: 1"]
    assert [e.head2 for e in resumed.history] == [e.head2 for e in straight.history]
    assert resumed.weights.keys() == straight.weights.keys()
    for key, value in straight.weights.items():
        assert torch.equal(value, resumed.weights[key]), key


def test_another_recipe_begins_anew_and_keeps_the_earlier_state(tmp_path: Path) -> None:
    _tiny(tmp_path, epochs=1)
    said: list[str] = []

    trained = _tiny(tmp_path, SequenceHooks(on_message=said.append), epochs=2)

    (message,) = said
    assert "have changed: the training begins anew" in message
    assert len(trained.history) == 2
    assert len(list(tmp_path.glob("last.*.pth"))) == 1
    assert (tmp_path / "log.csv").read_text().count("\n") == 3


def test_the_epoch_with_the_lowest_loss_of_head_2_is_kept(tmp_path: Path) -> None:
    trained = _tiny(tmp_path)

    assert trained.kept.head2 == min(epoch.head2 for epoch in trained.history)
    network = SequenceNetwork(3)
    network.load_state_dict(trained.weights)
    from ich_resources.sequence.loop import validation_losses

    losses = validation_losses(network, make_series(3, 6, (6, 8), width=64))
    assert losses[1] == pytest.approx(trained.kept.head2, abs=1e-6)


def _head2_over_single_slice(
    train: list[ScoredSeries], test: list[ScoredSeries], folder: Path
) -> float:
    """Return the loss of head 2 as a part of the best single-slice predictor's."""
    recipe = SequenceRecipe(0, epochs=6, batch_size=8, rate=1e-3)
    trained = train_sequence(
        train, train[:8], recipe, folder, inputs="", device="cpu", hooks=SequenceHooks()
    )
    network = SequenceNetwork(3)
    network.load_state_dict(trained.weights)
    network.eval()
    labels = np.concatenate([one.labels for one in test])
    found = np.concatenate([sequence_probabilities([network], [one]) for one in test])
    single = weighted_log_loss(labels, single_slice_probabilities(train, test))
    return weighted_log_loss(labels, found) / single


@pytest.mark.slow
def test_context_helps(tmp_path: Path) -> None:
    train, test = make_series(80, 1, (14, 22)), make_series(40, 2, (14, 22))

    assert _head2_over_single_slice(train, test, tmp_path) <= 0.6


@pytest.mark.slow
def test_context_does_not_help_where_the_order_means_nothing(tmp_path: Path) -> None:
    train, test = make_series(80, 1, (14, 22)), make_series(40, 2, (14, 22))

    ratio = _head2_over_single_slice(shuffled(train, 3), shuffled(test, 4), tmp_path)

    assert ratio >= 0.75
