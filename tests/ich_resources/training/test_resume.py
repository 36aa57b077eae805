"""A training that was killed goes on, and gives the same weights bit for bit."""

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from train_once import train

from ich_resources.errors import FormatError, StorageError
from ich_resources.training.results import EpochResult, Hooks
from ich_resources.training.resume import TrainingState, forget_state, read_state, write_state

SCRIPT = Path(__file__).parents[2] / "support" / "train_once.py"


def small_state(fingerprint: str, epochs: int = 1) -> TrainingState:
    history = tuple(EpochResult(epoch, 1e-3, 1.0, 0.5) for epoch in range(epochs))
    weights = {"w": torch.arange(3.0)}
    optimiser = {"state": {0: {"step": torch.tensor(2.0)}}, "param_groups": [{"lr": 1e-3}]}
    return TrainingState(fingerprint, history, weights, optimiser, 0, {"w": torch.ones(3)})


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


def test_a_state_is_read_again(tmp_path):
    write_state(tmp_path, small_state("a" * 64, 2))
    state, message = read_state(tmp_path, "a" * 64)
    assert message == "the training goes on; finished epochs: 2"
    assert state.history == small_state("a" * 64, 2).history
    assert torch.equal(state.weights["w"], torch.arange(3.0))
    assert (state.best, state.best_weights["w"].tolist()) == (0, [1, 1, 1])
    assert [path.name for path in tmp_path.iterdir()] == ["last.pth"]


def test_without_a_state_there_is_nothing_to_say(tmp_path):
    assert read_state(tmp_path, "a" * 64) == (None, "")


def test_another_recipe_begins_anew_and_keeps_the_earlier_state(tmp_path):
    write_state(tmp_path, small_state("a" * 64, 2))
    state, message = read_state(tmp_path, "b" * 64)
    assert state is None
    assert "have changed: the training begins anew, and last.aaaaaaaaaaaa.pth keeps" in message
    assert [path.name for path in tmp_path.iterdir()] == ["last.aaaaaaaaaaaa.pth"]
    write_state(tmp_path, small_state("b" * 64))
    # Back to the first recipe: what it had is found.
    state, message = read_state(tmp_path, "a" * 64)
    assert (state.fingerprint, len(state.history)) == ("a" * 64, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.bbbbbbbbbbbb.pth", "last.pth"]
    forget_state(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 half a file"])
def test_a_damaged_state_begins_anew(tmp_path, content):
    (tmp_path / "last.pth").write_bytes(content)
    state, message = read_state(tmp_path, "a" * 64)
    assert state is None
    assert message == "last.pth cannot be read: the training begins anew"


def test_a_state_with_code_in_it_is_not_run(tmp_path):
    torch.save({"format": 1, "fingerprint": Path(tmp_path)}, tmp_path / "last.pth")
    state, message = read_state(tmp_path, "a" * 64)
    assert state is None and "begins anew" in message


def test_a_state_of_a_newer_version_is_left_alone(tmp_path):
    torch.save({**small_state("a" * 64).to_plain(), "format": 2}, tmp_path / "last.pth")
    with pytest.raises(FormatError, match="newer version.*format 2"):
        read_state(tmp_path, "a" * 64)
    assert (tmp_path / "last.pth").exists()


def test_a_full_disk_is_one_clear_error_and_the_earlier_state_stays(tmp_path):
    write_state(tmp_path, small_state("a" * 64))
    larger = small_state("a" * 64, 2)
    larger.weights["w"] = torch.zeros(100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(StorageError, match=r"state of the training.*last\.pth.*->.*raise"):
            write_state(tmp_path, larger)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    state, _ = read_state(tmp_path, "a" * 64)
    assert len(state.history) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["last.pth"]
