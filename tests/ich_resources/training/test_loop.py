"""The loop: errors, what is kept, what is told, and that it learns."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from training_data import make_slices

from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import DatasetError, InferenceError
from ich_resources.training import loop
from ich_resources.training.epoch import EpochRunner, duration
from ich_resources.training.initial import initial_network
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.loop import train_fold, training_fingerprint
from ich_resources.training.recipe import Recipe
from ich_resources.training.results import Hooks, Machine
from ich_resources.training.slices import TrainingSlices

BACKBONE = BACKBONES["DenseNet121_change_avg"]
RANDOM, CPU = InitialFile("random"), Machine("cpu", 2)
CPU_DEVICE = torch.device("cpu")


def recipe(**switches) -> Recipe:
    defaults = {"input_size": 32, "batch_size": 4, "validation_batch_size": 4, "epochs": 1}
    return Recipe.for_fold(BACKBONE, 0, **{**defaults, "init": "random", **switches})


@pytest.fixture(autouse=True)
def one_thread():
    """One thread of torch: beside other tests, two would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    return make_slices(tmp_path_factory.mktemp("images"), 3, seed=1, slices=2)


def empty(slices: TrainingSlices) -> TrainingSlices:
    return dataclasses.replace(slices, labels=np.full_like(slices.labels, np.nan))


def test_fewer_samples_than_one_batch(slices, tmp_path):
    text = r"12 samples \(3 series with labels, 4 times each\), fewer than one batch of 13"
    with pytest.raises(DatasetError, match=text + ".*set batch_size to at most 12"):
        train_fold(slices, slices, recipe(batch_size=13), RANDOM, tmp_path)
    with pytest.raises(DatasetError, match="0 samples.*bring labelled series"):
        train_fold(empty(slices), slices, recipe(), RANDOM, tmp_path)


def test_a_fold_without_labels(slices, tmp_path):
    with pytest.raises(DatasetError, match="fold 0 holds out no slice with a label"):
        train_fold(slices, empty(slices), recipe(), RANDOM, tmp_path)


def test_a_device_that_is_absent(slices, tmp_path):
    with pytest.raises(InferenceError, match="cuda:7"):
        train_fold(slices, slices, recipe(), RANDOM, tmp_path, machine=Machine("cuda:7"))


def test_the_fingerprint_tells_labels_slices_weights_and_recipe(slices):
    first = training_fingerprint(slices, slices, recipe(), RANDOM)
    others = [
        training_fingerprint(empty(slices), slices, recipe(), RANDOM),
        training_fingerprint(slices, empty(slices), recipe(), RANDOM),
        training_fingerprint(slices, slices, recipe(seed=1), RANDOM),
        training_fingerprint(slices, slices, recipe(), InitialFile("imagenet", None, "ab")),
    ]
    assert len({first, *others}) == 5


def test_what_is_told_and_written(slices, tmp_path):
    results, messages = [], []
    hooks = Hooks(results.append, messages.append)
    trained = train_fold(
        slices, slices, recipe(epochs=2), RANDOM, tmp_path, machine=CPU, hooks=hooks
    )
    (message,) = messages
    assert "DenseNet121_change_avg without a GPU, which is slow: about" in message
    assert "for 2 epochs of 3 batches" in message
    assert tuple(results) == trained.history
    assert [result.epoch for result in results] == [0, 1]
    assert (trained.device, trained.precision, trained.resumed) == ("cpu", "float32", 0)
    best = min(trained.history, key=lambda result: (result.weighted_log_loss, result.epoch))
    assert trained.kept == best
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.pth", "log.csv"]
    assert trained.log.read_text().count("\n") == 3
    assert all(not key.startswith("module.") for key in trained.weights)


def test_what_the_check_raises_ends_the_training(slices, tmp_path):
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_fold(
            slices, slices, recipe(), RANDOM, tmp_path, machine=CPU, hooks=Hooks(check=check)
        )
    assert not (tmp_path / "last.pth").exists()  # no epoch was finished


def test_a_loss_that_is_not_finite(slices, tmp_path):
    with pytest.raises(InferenceError, match="epoch 0 is not a finite number.*clip_norm"):
        train_fold(slices, slices, recipe(rate=1e30), RANDOM, tmp_path, machine=CPU)


def test_parts_of_a_batch_and_a_limit_of_the_gradient(slices):
    # One step on equal samples: batch norm sees the parts, and Adam the clipped gradients.
    one = initial_network(recipe(), RANDOM)
    start = one.mlp.weight.detach().clone()

    def head_after_a_step(**switches) -> torch.Tensor:
        settings = recipe(batch_size=12, **switches)
        runner = EpochRunner(copy.deepcopy(one), slices, settings, CPU_DEVICE, 2, Hooks())
        runner.train(0)
        return runner.network.mlp.weight.detach()

    whole, parts = head_after_a_step(), head_after_a_step(micro_batch=7)
    clipped = head_after_a_step(clip_norm=1e-9, weight_decay=0.0)
    assert torch.equal(whole, head_after_a_step(micro_batch=12))
    assert not torch.equal(whole, parts)
    # Adam moves by the rate at first, whatever the gradient, unless it is below eps (L2 apart).
    assert float((whole - start).abs().median()) == pytest.approx(5e-4, rel=0.01)
    assert float((clipped - start).abs().max()) < 1e-4


class Told(loop._Progress):
    """A progress whose weights are the number of the epoch."""

    def __init__(self, keep: str, losses: list[float | None]) -> None:
        runner = type("Runner", (), {"network": torch.nn.Linear(1, 1, bias=False)})()
        super().__init__(runner, None, recipe(keep=keep), None, "")
        for epoch, loss in enumerate(losses):
            torch.nn.init.constant_(runner.network.weight, epoch)
            result = loop.EpochResult(epoch, 1e-3, 1.0, 0.5, weighted_log_loss=loss)
            self.history.append(result)
            self._keep(result)


@pytest.mark.parametrize(
    ("keep", "losses", "kept"),
    [
        ("best", [0.5, None, 0.3, None, 0.4], 2),
        ("best", [0.5, 0.3, 0.3], 1),  # a tie: the earlier
        ("last", [0.1, None, 0.3], 2),
    ],
)
def test_which_epoch_is_kept(keep, losses, kept):
    result, weights = Told(keep, losses).kept()
    assert result.epoch == kept
    assert float(weights["weight"]) == kept


def test_times_for_people():
    assert [duration(s) for s in (40, 600, 27_000, 270_000)] == [
        "40 s",
        "10 min",
        "7.5 h",
        "3.1 days",
    ]
