"""The state of an unfinished training: read again, put aside, damaged, newer, a full disk."""

import resource
from pathlib import Path

import pytest
import torch

from ich_resources.errors import FormatError, StorageError
from ich_resources.training.results import EpochResult
from ich_resources.training.resume import TrainingState
from ich_resources.unfinished import forget_state, read_state, write_state


def small_state(epochs: int = 1) -> TrainingState:
    history = tuple(EpochResult(epoch, 1e-3, 1.0, 0.5) for epoch in range(epochs))
    weights = {"w": torch.arange(3.0)}
    optimiser = {"state": {0: {"step": torch.tensor(2.0)}}, "param_groups": [{"lr": 1e-3}]}
    return TrainingState(history, weights, optimiser, 0, {"w": torch.ones(3)})


def keep(folder: Path, letter: str, epochs: int = 1) -> None:
    write_state(folder, letter * 64, small_state(epochs).to_plain())


def read(folder: Path, letter: str) -> tuple[TrainingState | None, str]:
    return read_state(folder, letter * 64, TrainingState.from_plain)


def test_a_state_is_read_again(tmp_path):
    keep(tmp_path, "a", 2)
    state, message = read(tmp_path, "a")
    assert message == "the training goes on; finished epochs: 2"
    assert state.history == small_state(2).history
    assert torch.equal(state.weights["w"], torch.arange(3.0))
    assert (state.best, state.best_weights["w"].tolist()) == (0, [1, 1, 1])
    assert [path.name for path in tmp_path.iterdir()] == ["last.pth"]


def test_without_a_state_there_is_nothing_to_say(tmp_path):
    assert read(tmp_path, "a") == (None, "")


def test_another_recipe_begins_anew_and_keeps_the_earlier_state(tmp_path):
    keep(tmp_path, "a", 2)
    state, message = read(tmp_path, "b")
    assert state is None
    assert "have changed: the training begins anew, and last.aaaaaaaaaaaa.pth keeps" in message
    assert [path.name for path in tmp_path.iterdir()] == ["last.aaaaaaaaaaaa.pth"]
    keep(tmp_path, "b")
    # Back to the first recipe: what it had is found.
    state, message = read(tmp_path, "a")
    assert len(state.history) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.bbbbbbbbbbbb.pth", "last.pth"]
    forget_state(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 half a file"])
def test_a_damaged_state_begins_anew(tmp_path, content):
    (tmp_path / "last.pth").write_bytes(content)
    state, message = read(tmp_path, "a")
    assert state is None
    assert message == "last.pth cannot be read: the training begins anew"


def test_a_state_with_code_in_it_is_not_run(tmp_path):
    torch.save({"format": 1, "fingerprint": Path(tmp_path)}, tmp_path / "last.pth")
    state, message = read(tmp_path, "a")
    assert state is None and "begins anew" in message


def test_a_state_of_a_newer_version_is_left_alone(tmp_path):
    plain = small_state().to_plain() | {"fingerprint": "a" * 64, "format": 2}
    torch.save(plain, tmp_path / "last.pth")
    with pytest.raises(FormatError, match="newer version.*format 2"):
        read(tmp_path, "a")
    assert (tmp_path / "last.pth").exists()


def test_a_full_disk_is_one_clear_error_and_the_earlier_state_stays(tmp_path):
    keep(tmp_path, "a")
    larger = small_state(2)
    larger.weights["w"] = torch.zeros(100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(StorageError, match=r"state of the training.*last\.pth.*->.*raise"):
            write_state(tmp_path, "a" * 64, larger.to_plain())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    state, _ = read(tmp_path, "a")
    assert len(state.history) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["last.pth"]


def test_what_a_kill_has_left_of_a_state_is_written_over(tmp_path):
    (tmp_path / ".part-last.pth").write_bytes(b"half a state")
    keep(tmp_path, "a")
    assert [path.name for path in tmp_path.iterdir()] == ["last.pth"]
