"""kill -9 or a full disk while a fold trains and while it predicts; then the same bytes as without.

The state of the last finished epoch stays, and the next run goes on with it.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from small_disk import SmallDisk, small_disk
from training_root import TrainingPlace, tiny_config, write_training_root

from ich_resources.backbones.table import BACKBONES
from ich_resources.digests import file_sha256
from ich_resources.storage.training_layout import fold_subject

pytestmark = pytest.mark.slow

DENSE = BACKBONES["DenseNet121_change_avg"]
SUBJECT = fold_subject(DENSE, 1)
CONFIG = tiny_config(
    {"epochs": 3, "keep": "last"},
    train_folds={"backbones": ["densenet121"], "folds": [1], "stages": ["2d", "oof"]},
)
STATE_KB = 84_000
"""Size of the state of this training, nearly."""
FULL = "the disk is full: free some space and run the same command again; finished work is kept"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> TrainingPlace:
    """A training that nobody disturbs."""
    root = tmp_path_factory.mktemp("calm")
    place = TrainingPlace(root, root)
    write_training_root(place.layout.train_root)
    place.layout.key.parent.mkdir()
    place.layout.key.write_text("5" * 64)  # the checkpoint holds hashes made with the key
    done = place.execute("ich_train", CONFIG)
    assert done.status == 0, done.text
    return place


def begun(calm: TrainingPlace, root: Path) -> TrainingPlace:
    """The same data set and key, and nothing else."""
    place = TrainingPlace(root, root)
    shutil.copytree(calm.layout.dataset, place.layout.dataset)
    place.layout.key.parent.mkdir()
    shutil.copy(calm.layout.key, place.layout.key)
    return place


def assert_same(calm: TrainingPlace, other: TrainingPlace) -> None:
    """Weights, the whole checkpoint and the predictions are equal; nothing in part is left."""
    checkpoints = [place.layout.checkpoint(DENSE, 1) for place in (calm, other)]
    one, two = (torch.load(path, weights_only=True)["state_dict"] for path in checkpoints)
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert torch.equal(value, two[key]), key
    assert file_sha256(checkpoints[0]) == file_sha256(checkpoints[1])
    files = (place.layout.oof(DENSE, 1).all for place in (calm, other))
    for path, same in zip(*files, strict=True):
        assert path.read_bytes() == same.read_bytes()
    assert np.load(other.layout.oof(DENSE, 1).probabilities).shape == (8, 6)
    assert not other.layout.last(SUBJECT).exists()
    assert not parts(other)
    assert not other.layout.steps.failure(SUBJECT).exists()


def parts(place: TrainingPlace) -> list[Path]:
    return list(place.layout.train_root.rglob(".part-*"))


def test_a_training_killed_twice_ends_with_the_same_weights_and_predictions(calm, tmp_path):
    killed = begun(calm, tmp_path)
    steps = killed.layout.steps
    log, trained = killed.layout.log(SUBJECT), steps.record(SUBJECT, "trained_fold")
    predicted = steps.record(SUBJECT, "oof_predictions")
    killed.kill_when(
        "ich_train", CONFIG, lambda: log.is_file() and len(log.read_text().splitlines()) > 1
    )
    assert killed.layout.last(SUBJECT).is_file() and not trained.exists()
    killed.kill_when("ich_train", CONFIG, trained.exists)
    assert not predicted.exists()
    again = killed.execute("ich_train", CONFIG)
    assert again.status == 0, again.text
    assert "epoch" not in again.text  # the training itself was finished
    assert_same(calm, killed)


def test_a_training_whose_disk_fills_goes_on_once_there_is_space(calm, tmp_path):
    with small_disk(tmp_path / "train", STATE_KB * 3 // 2) as disk:
        place = begun(calm, tmp_path)
        full = place.execute("ich_train", CONFIG)
        assert full.status == 1
        assert "the state of the training cannot be written: No space left on device [" in full.text
        assert f"{place.layout.last(SUBJECT)}] -> {FULL}" in full.text
        assert "Stack Trace" not in full.text and "Traceback" not in full.text
        state = torch.load(place.layout.last(SUBJECT), weights_only=True)
        assert len(state["history"]) == 1
        assert not parts(place) and not place.layout.checkpoint(DENSE, 1).exists()
        disk.leave(2 * STATE_KB)
        again = place.execute("ich_train", CONFIG)
        assert again.status == 0, again.text
        assert "the training goes on; finished epochs: 1" in again.text
        assert "epoch 1/3" not in again.text
        assert_same(calm, place)
        _fills_while_it_predicts(calm, place, disk)


def _fills_while_it_predicts(calm: TrainingPlace, place: TrainingPlace, disk: SmallDisk) -> None:
    """Room for the probabilities and a note, and not for the features."""
    for path in place.layout.oof(DENSE, 1).all:
        path.unlink()
    disk.leave(12)
    full = place.execute("ich_train", CONFIG)
    assert full.status == 1
    assert "cannot write: No space left on device [" in full.text and FULL in full.text
    assert "Stack Trace" not in full.text and "Traceback" not in full.text
    assert not parts(place) and not place.layout.oof(DENSE, 1).features.exists()
    disk.leave(1000)
    again = place.execute("ich_train", CONFIG)
    assert again.status == 0, again.text
    assert "epoch" not in again.text
    assert_same(calm, place)
