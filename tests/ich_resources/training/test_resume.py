"""A training that was killed goes on, and gives the same weights bit for bit."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from train_once import train

from ich_resources.training.results import Hooks
from ich_resources.unfinished import forget_state

SCRIPT = Path(__file__).parents[2] / "support" / "train_once.py"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    return train(folder / "images", folder / "state", 1, Hooks())


@pytest.mark.slow
def test_a_killed_training_gives_the_same_weights_with_other_threads(uninterrupted, tmp_path):
    arguments = [tmp_path / "images", tmp_path / "state", "1", "60"]
    child = subprocess.Popen([sys.executable, SCRIPT, *map(str, arguments)])
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "state" / "in_epoch_1").exists():
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    epochs, messages = [], []
    hooks = Hooks(on_epoch=lambda result: epochs.append(result.epoch), on_message=messages.append)
    trained = train(tmp_path / "images", tmp_path / "state", 4, hooks)
    assert messages[0] == "the training goes on; finished epochs: 1"
    assert (epochs, trained.resumed) == ([1, 2], 1)
    assert trained.kept.epoch == uninterrupted.kept.epoch
    assert [result.train_loss for result in trained.history] == [
        result.train_loss for result in uninterrupted.history
    ]
    assert trained.weights.keys() == uninterrupted.weights.keys()
    for key, value in trained.weights.items():
        assert torch.equal(value, uninterrupted.weights[key]), key
    # A training that is done is not done again while its state is there.
    again = train(tmp_path / "images", tmp_path / "state", 1, Hooks(check=pytest.fail))
    assert again.resumed == 3
    assert torch.equal(again.weights["mlp.weight"], trained.weights["mlp.weight"])
    forget_state(tmp_path / "state")
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["in_epoch_1", "log.csv"]
