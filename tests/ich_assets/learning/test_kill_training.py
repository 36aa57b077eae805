"""kill -9 while a fold trains and while it predicts; run again: the same bytes as undisturbed."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
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


def kill_when(place: TrainingPlace, reached: Callable[[], bool]) -> None:
    """Start ich_train, and kill it and its children as soon as a moment is reached."""
    process = subprocess.Popen(
        place.command("ich_train", CONFIG),
        env=place.environ(),
        cwd=place.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 300
    while not reached():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_training_killed_twice_ends_with_the_same_weights_and_predictions(tmp_path):
    calm, killed = (TrainingPlace(tmp_path / name, tmp_path) for name in ("calm", "killed"))
    write_training_root(calm.layout.train_root)
    calm.layout.key.parent.mkdir()
    calm.layout.key.write_text("5" * 64)  # the checkpoint holds hashes made with the key
    shutil.copytree(calm.root, killed.root)
    done = calm.execute("ich_train", CONFIG)
    assert done.status == 0, done.text

    steps = killed.layout.steps
    log, trained = killed.layout.log(SUBJECT), steps.record(SUBJECT, "trained_fold")
    predicted = steps.record(SUBJECT, "oof_predictions")
    kill_when(killed, lambda: log.is_file() and len(log.read_text().splitlines()) > 1)
    assert killed.layout.last(SUBJECT).is_file() and not trained.exists()
    kill_when(killed, trained.exists)
    assert not predicted.exists()
    again = killed.execute("ich_train", CONFIG)
    assert again.status == 0, again.text
    assert "epoch" not in again.text  # the training itself was finished

    checkpoints = [place.layout.checkpoint(DENSE, 1) for place in (calm, killed)]
    one, other = (torch.load(path, weights_only=True) for path in checkpoints)
    assert one["state_dict"].keys() == other["state_dict"].keys()
    for key, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][key]), key
    assert file_sha256(checkpoints[0]) == file_sha256(checkpoints[1])
    for path, same in zip(
        calm.layout.oof(DENSE, 1).all, killed.layout.oof(DENSE, 1).all, strict=True
    ):
        assert path.read_bytes() == same.read_bytes()
    assert np.load(killed.layout.oof(DENSE, 1).probabilities).shape == (8, 6)
    assert not killed.layout.last(SUBJECT).exists()
    assert not list(killed.layout.train_root.rglob(".part-*"))
    assert not steps.failure(SUBJECT).exists()
