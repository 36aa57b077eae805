"""Checkpoint files: all of them or an error, and the digests that were promised."""

import hashlib
import re

import pytest

from ich_resources.backbones.checkpoint import find_checkpoints
from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.errors import CheckpointError

BACKBONE = BACKBONES["DenseNet169_change_avg"]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def models(tmp_path):
    """A model folder with five files that no one has to load."""
    (tmp_path / BACKBONE.folder).mkdir(parents=True)
    for fold in range(5):
        (tmp_path / BACKBONE.folder / checkpoint_name(fold)).write_bytes(b"fold %d" % fold)
    return tmp_path


@pytest.mark.parametrize(("most", "count"), [(None, 5), (1, 1), (3, 3), (5, 5)])
def test_folds_in_order_with_their_digests(models, most, count):
    found = find_checkpoints(models, BACKBONE, most)
    assert [file.path.name for file in found] == [checkpoint_name(i) for i in range(count)]
    assert [file.digest for file in found] == [sha256(b"fold %d" % i) for i in range(count)]
    assert {file.backbone for file in found} == {BACKBONE.name}
    assert not any(file.expected for file in found)


@pytest.mark.parametrize(
    ("gone", "fewer_would_do"), [([4], True), ([1, 3], True), ([0, 1, 2, 3, 4], False)]
)
def test_a_missing_fold_is_an_error(models, gone, fewer_would_do):
    for fold in gone:
        (models / BACKBONE.folder / checkpoint_name(fold)).unlink()
    with pytest.raises(CheckpointError, match="checkpoint missing") as caught:
        find_checkpoints(models, BACKBONE, None)
    error = caught.value
    assert error.path == models / BACKBONE.folder
    assert re.findall(r"best_(\d)", error.message) == [str(fold) for fold in gone]
    assert "models/README.md" in error.remedy
    assert ("max_folds_per_backbone" in error.remedy) is fewer_would_do


def test_fewer_folds_only_when_asked_for(models):
    (models / BACKBONE.folder / checkpoint_name(2)).unlink()
    assert len(find_checkpoints(models, BACKBONE, 2)) == 2
    with pytest.raises(CheckpointError):
        find_checkpoints(models, BACKBONE, 3)


def test_no_model_folder_at_all(tmp_path):
    with pytest.raises(CheckpointError, match=r"model_epoch_best_0\.pth, .*model_epoch_best_4"):
        find_checkpoints(tmp_path / "nowhere", BACKBONE, None)


@pytest.mark.parametrize(
    "line", ["{digest}  {name}\n", "{digest} *./{name}", "{upper}  {name}\r\n"]
)
def test_a_digest_as_expected(models, line):
    digest, name = sha256(b"fold 0"), f"{BACKBONE.folder}/{checkpoint_name(0)}"
    text = line.format(digest=digest, upper=digest.upper(), name=name)
    (models / DIGESTS_FILE).write_text(f"\n{'0' * 64}  another/file.pth\n{text}", newline="")
    first, second = find_checkpoints(models, BACKBONE, 2)
    assert first.expected
    assert not second.expected


def test_a_digest_not_as_expected(models):
    path = models / BACKBONE.folder / checkpoint_name(1)
    name = path.relative_to(models).as_posix()
    (models / DIGESTS_FILE).write_text(f"{sha256(b'something else')}  {name}\n")
    assert len(find_checkpoints(models, BACKBONE, 1)) == 1
    with pytest.raises(CheckpointError) as caught:
        find_checkpoints(models, BACKBONE, 2)
    assert caught.value.path == path
    assert sha256(b"fold 1")[:12] in str(caught.value)
    assert sha256(b"something else")[:12] in str(caught.value)
    assert "fetch the file again" in caught.value.remedy


def test_digests_that_are_no_text(models):
    (models / DIGESTS_FILE).write_text("0" * 64, encoding="utf-16")
    with pytest.raises(CheckpointError, match="digests cannot be read") as caught:
        find_checkpoints(models, BACKBONE, 1)
    assert caught.value.path == models / DIGESTS_FILE
    assert "sha256sum" in caught.value.remedy
