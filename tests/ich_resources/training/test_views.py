"""Predictions with views: the plain one is that of scoring; features; random views."""

import numpy as np
import pytest
import torch
from training_data import make_slices

from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.inputs import to_input
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.study_hashes import study_salt
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import CheckpointError, InferenceError
from ich_resources.inference.predict import predict_folds
from ich_resources.preprocessing import centre_crop, network_planes
from ich_resources.training.checkpoint import checkpoint_bytes
from ich_resources.training.images import read_image
from ich_resources.training.initial import initial_network
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.loop import on_cpu
from ich_resources.training.recipe import Recipe
from ich_resources.training.results import EpochResult, Machine, TrainedFold
from ich_resources.training.view_options import ViewOptions
from ich_resources.training.views import predict_checkpoint, predict_views

BACKBONE = BACKBONES["DenseNet121_change_avg"]
RECIPE = Recipe.for_fold(
    BACKBONE, 1, input_size=64, batch_size=4, validation_batch_size=4, init="random"
)
CPU = Machine("cpu", 2)


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    return make_slices(tmp_path_factory.mktemp("images"), 2, seed=3, slices=3)


@pytest.fixture(scope="module")
def network():
    return initial_network(RECIPE, InitialFile("random")).to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def model_dir(network, tmp_path_factory):
    """A model folder with the checkpoint of a training of no epochs."""
    from pathlib import Path

    trained = TrainedFold(
        on_cpu(network),
        EpochResult(4, 1e-3, 1.0, 0.5, 0.4, 0.45),
        (),
        "f" * 64,
        Path("log.csv"),
        "cpu",
        "float32",
        InitialFile("random"),
    )
    about = Trained(
        backbone=BACKBONE.name,
        fold=1,
        input_size=64,
        slice_context="adjacent",
        trained_on="phantoms",
        salt=study_salt(b"key"),
        studies={},
        recipe=RECIPE.settings(),
        labels="0" * 64,
        init="random",
        weighted_log_loss=0.45,
        versions={"torch": torch.__version__},
    )
    folder = tmp_path_factory.mktemp("models")
    path = folder / BACKBONE.folder / "model_epoch_best_1.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(checkpoint_bytes(trained, about.to_plain()))
    return folder


def test_the_checkpoint_has_the_form_of_the_released_ones(model_dir):
    path = model_dir / BACKBONE.folder / "model_epoch_best_1.pth"
    content = torch.load(path, weights_only=True)
    assert (content["epoch"], content["valLoss"]) == (5, 0.4)
    assert "mlp.weight" in content["state_dict"]
    assert content["ich"]["recipe"] == RECIPE.settings()


def test_the_plain_view_is_what_inference_sees(model_dir, slices):
    ours = predict_checkpoint(
        model_dir / BACKBONE.folder / "model_epoch_best_1.pth",
        BACKBONE.name,
        slices,
        ViewOptions.of(RECIPE, "none"),
        machine=CPU,
    )
    assert (ours.device, ours.precision) == ("cpu", "float32")
    folds = load_folds([find_checkpoint(model_dir, BACKBONE, 1)], torch.device("cpu"))
    for rows in slices.ranges:
        crops = np.stack([centre_crop(read_image(slices.images[row], None)) for row in rows])
        scored = predict_folds(folds, crops, context="adjacent", batch_size=2).probabilities
        part = ours.probabilities[:, rows.start : rows.stop]
        assert np.abs(part - scored).max() < 1e-5
    assert len(np.unique(ours.probabilities[0, :, 0])) == 6  # each slice has its own


def test_four_views_and_features_by_hand(network, slices):
    network.train()
    four = predict_views(network, slices, ViewOptions.of(RECIPE, "four"))
    assert network.training  # as it was
    plain = predict_views(network, slices, ViewOptions.of(RECIPE, "none"))
    assert four.probabilities.shape == (4, 6, 6) and four.probabilities.dtype == np.float32
    assert np.abs(four.probabilities[0] - plain.probabilities[0]).max() < 1e-6
    crops = np.stack([centre_crop(read_image(path, None)) for path in slices.images[:3]])
    planes = network_planes(crops, slice(1, 2), 64, "adjacent")
    shown = [planes, planes[..., ::-1], planes[:, ::-1], planes[:, ::-1, :, ::-1]]
    network.eval()
    with torch.inference_mode():
        inputs = [to_input(np.ascontiguousarray(view), network) for view in shown]
        by_hand = [torch.sigmoid(network(x))[0].numpy() for x in inputs]
        pooled = [torch.relu(network.forward_features(x)).mean((2, 3))[0].numpy() for x in inputs]
    assert np.abs(four.probabilities[:, 1] - by_hand).max() < 1e-5
    assert np.abs(four.mean[1] - np.mean(by_hand, 0)).max() < 1e-5
    assert four.features.shape == (6, 1024) and four.features.dtype == np.float16
    assert np.allclose(four.features[1], np.mean(pooled, 0), rtol=2e-3, atol=1e-4)
    assert np.abs(np.diff(by_hand, axis=0)).max() > 1e-4  # the views differ


def test_random_views_depend_on_the_slice_and_the_seed_alone(network, slices):
    options = ViewOptions.of(RECIPE, "random10")
    ten = predict_views(network, slices, options, threads=1)
    assert ten.probabilities.shape == (10, 6, 6)
    assert len(np.unique(ten.probabilities[:, 0, 0])) == 10
    rows = slice(3, 6)  # the second series alone
    alone = type(slices)(
        slices.slices[rows], slices.groups[rows], slices.images[rows], slices.labels[rows]
    )
    again = predict_views(network, alone, options, threads=3)
    assert np.abs(again.probabilities - ten.probabilities[:, rows]).max() < 1e-5
    other = predict_views(network, alone, ViewOptions("random10", 64, "adjacent", 4, seed=1))
    assert np.abs(other.probabilities - again.probabilities).max() > 1e-4


def test_a_checkpoint_of_another_recipe_is_an_error(model_dir, slices):
    path = model_dir / BACKBONE.folder / "model_epoch_best_1.pth"
    for size, context in ((96, "adjacent"), (64, "replicated")):
        with pytest.raises(CheckpointError, match="trained with input size 64 and slice context"):
            predict_checkpoint(path, BACKBONE.name, slices, ViewOptions("none", size, context, 4))


def test_another_backbone_is_an_error(model_dir, slices):
    path = model_dir / BACKBONE.folder / "model_epoch_best_1.pth"
    with pytest.raises(CheckpointError, match="does not fit DenseNet169"):
        predict_checkpoint(
            path, "DenseNet169_change_avg", slices, ViewOptions.of(RECIPE, "none"), machine=CPU
        )


def test_probabilities_that_are_not_finite_are_an_error(slices):
    broken = initial_network(RECIPE, InitialFile("random"))
    with torch.no_grad():
        broken.mlp.bias.fill_(float("nan"))
    with pytest.raises(InferenceError, match="not finite"):
        predict_views(broken, slices, ViewOptions.of(RECIPE, "none"))


def test_a_check_ends_the_prediction(network, slices):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_views(network, slices, ViewOptions.of(RECIPE, "none"), check=stop)
