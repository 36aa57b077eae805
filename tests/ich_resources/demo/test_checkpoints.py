"""Stand-in checkpoints: the released layout, marked as untrained, and good for tests."""

import hashlib
import re

import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import find_checkpoints
from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.state_dict import UNTRAINED_KEY
from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.checkpoints import stand_in_state, write_checkpoints
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
    """Over slices that the constants of the heads were not measured on, in every class."""
    hu = [head_hu(height, bleed=height > 0.5) for height in (0.3, 0.45, 0.6, 0.75)]
    crops = np.stack([centre_crop(window_to_uint8(image, 40.0, 80.0)) for image in hu])
    found = predict_folds([fold], crops, context="replicated", batch_size=4).probabilities[0]
    assert np.ptp(found, axis=0).min() > 0.02
    assert 0.05 < np.median(found) < 0.95


DIGESTS = {
    "DenseNet121_change_avg": "ae8e8c1ef11a04eceee1538f39aaa13e689a2fccb27ee20fed53088153817a86",
    "DenseNet169_change_avg": "cc35c657a7cf3a7abd0a28bad0cabf011f6b77745e6ce6315f4f5e0ddb215747",
    "se_resnext101_32x4d": "cf5831527acddc0e6a3bb8c4fbb04b2a919dcc7c27ed78296a0e3a91eb533005",
}
"""SHA-256 of the names and values of the weights of fold 0."""


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_the_values_are_the_same_on_every_machine(backbone):
    """The digest is of the values: the bytes of the file also depend on the version of torch."""
    content = hashlib.sha256()
    for key, value in stand_in_state(backbone, 0).items():
        content.update(key.encode() + value.numpy().tobytes())
    assert content.hexdigest() == DIGESTS[backbone.name]


def test_two_calls_write_the_same_files(tmp_path, stand_in_models):
    write_checkpoints(tmp_path)
    names = [p.relative_to(tmp_path) for p in tmp_path.rglob("*.*")]
    assert len(names) == 4
    assert all((tmp_path / n).read_bytes() == (stand_in_models / n).read_bytes() for n in names)


def test_each_fold_has_weights_of_its_own():
    backbone = BACKBONES["DenseNet121_change_avg"]
    first, second = stand_in_state(backbone, 0), stand_in_state(backbone, 1)
    drawn = [key for key, value in first.items() if value.ndim >= 2]
    assert len(drawn) == 121
    assert not any(torch.equal(first[key], second[key]) for key in drawn)


@pytest.mark.parametrize("folds", [0, 6])
def test_a_number_of_folds_that_the_release_does_not_have(tmp_path, folds):
    with pytest.raises(ValueError, match=f"a backbone has 1 to 5 folds, not {folds}"):
        write_checkpoints(tmp_path, folds=folds)
    assert not list(tmp_path.iterdir())
