"""Stand-in checkpoints: the released layout, marked as untrained, and good for tests."""

import hashlib
import re

import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import DIGESTS_FILE, find_checkpoints
from ich_resources.backbones.loading import LoadedFold, load_folds
from ich_resources.backbones.networks import build_network
from ich_resources.backbones.state_dict import UNTRAINED_KEY
from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.phantom import head_hu
from ich_resources.inference.predict import predict_folds
from ich_resources.preprocessing import centre_crop, window_to_uint8


@pytest.fixture(scope="module", params=BACKBONES)
def fold(request, stand_in_models) -> LoadedFold:
    """The stand-in of each backbone."""
    (file,) = find_checkpoints(stand_in_models, BACKBONES[request.param], 1)
    return load_folds([file], torch.device("cpu"))[0]


def test_files_of_the_release_and_nothing_else(stand_in_models):
    files = {p.relative_to(stand_in_models).as_posix() for p in stand_in_models.rglob("*.*")}
    assert files == {
        DIGESTS_FILE,
        *(f"{b.folder}/model_epoch_best_0.pth" for b in BACKBONES.values()),
    }


def test_digests_are_those_of_sha256sum(stand_in_models):
    lines = (stand_in_models / DIGESTS_FILE).read_text().splitlines()
    assert len(lines) == len(BACKBONES)
    for line in lines:
        digest, name = re.fullmatch(r"([0-9a-f]{64})  (2DNet/\S+\.pth)", line).groups()
        assert hashlib.sha256((stand_in_models / name).read_bytes()).hexdigest() == digest


def test_layout_of_a_file(fold):
    content = torch.load(fold.file.path, weights_only=True)
    assert set(content) == {"state_dict", "epoch", "valLoss", UNTRAINED_KEY}
    assert content[UNTRAINED_KEY] is True
    assert all(key.startswith("module.") for key in content["state_dict"])


def test_loaded_and_marked(fold):
    assert fold.file.expected
    assert fold.untrained


def test_probabilities_differ_from_slice_to_slice(fold):
    """Over slices it was not calibrated on, in every class."""
    hu = [head_hu(height, bleed=height > 0.5) for height in (0.3, 0.45, 0.6, 0.75)]
    crops = np.stack([centre_crop(window_to_uint8(image, 40.0, 80.0)) for image in hu])
    found = predict_folds([fold], crops, context="replicated", batch_size=4).probabilities[0]
    assert np.ptp(found, axis=0).min() > 0.02
    assert 0.05 < np.median(found) < 0.95


def test_same_seed_same_weights(stand_in_models):
    """What the calibration leaves alone is what the seed gives."""
    name = "DenseNet121_change_avg"
    (file,) = find_checkpoints(stand_in_models, BACKBONES[name], 1)
    loaded = load_folds([file], torch.device("cpu"))[0].network.state_dict()
    torch.manual_seed(0)
    built = build_network(BACKBONES[name]).state_dict()
    convolutions = [key for key in built if "conv" in key and built[key].ndim == 4]
    assert len(convolutions) == 120
    assert all(torch.equal(loaded[key], built[key]) for key in convolutions)
