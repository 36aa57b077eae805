"""Batches: the same with any number of threads; errors of images reach the caller."""

import cv2
import numpy as np
import pytest
from training_data import make_slices

from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import DatasetError
from ich_resources.preprocessing import centre_crop
from ich_resources.training.batches import made_ahead, training_batches, workers
from ich_resources.training.images import read_image
from ich_resources.training.recipe import Recipe


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    return make_slices(tmp_path_factory.mktemp("images"), 3, seed=1)


def recipe(**switches):
    defaults = {"input_size": 64, "batch_size": 5, "init": "random"}
    backbone = BACKBONES[switches.pop("backbone", "DenseNet121_change_avg")]
    return Recipe.for_fold(backbone, switches.pop("fold", 0), **{**defaults, **switches})


def batches(slices, recipe, epoch, threads):
    with workers(threads) as pool:
        return list(training_batches(slices, recipe, epoch, pool))


def test_any_number_of_threads_gives_the_same_batches(slices):
    one, four = (batches(slices, recipe(), 2, threads) for threads in (1, 4))
    assert [len(batch.labels) for batch in one] == [5, 5, 2]
    for a, b in zip(one, four, strict=True):
        assert a.planes.shape[1:] == (3, 64, 64) and a.planes.dtype == np.uint8
        assert (a.planes == b.planes).all() and (a.labels == b.labels).all()


def test_epoch_fold_backbone_and_seed_each_change_the_samples(slices):
    first = batches(slices, recipe(), 0, 2)[0].planes
    others = [
        batches(slices, recipe(), 1, 2),
        batches(slices, recipe(fold=1), 0, 2),
        batches(slices, recipe(backbone="DenseNet169_change_avg"), 0, 2),
        batches(slices, recipe(seed=1), 0, 2),
    ]
    for other in others:
        assert (other[0].planes != first).any()


def test_a_sample_has_the_labels_of_its_centre(slices):
    # With the mirror alone, the middle channel can be found among the slices.
    known = [
        cv2.resize(centre_crop(read_image(path, None)), (64, 64)).astype(int)
        for path in slices.images
    ]
    made = batches(slices, recipe(augment="mirror"), 0, 2)
    for batch in made:
        for planes, labels in zip(batch.planes, batch.labels, strict=True):
            far = [
                min(np.abs(shown - planes[1]).mean() for shown in (image, image[:, ::-1]))
                for image in known
            ]
            assert (slices.labels[int(np.argmin(far))] == labels).all()


def test_a_missing_image_is_an_error_that_names_it(tmp_path):
    slices = make_slices(tmp_path, 1, seed=2, slices=2)
    slices.images[1].unlink()
    with pytest.raises(DatasetError, match=r"cannot be read.*s2_0_1\.png.*ich_dataset"):
        batches(slices, recipe(batch_size=2), 0, 2)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_damaged_image_is_an_error(tmp_path, content):
    slices = make_slices(tmp_path, 1, seed=2, slices=2)
    slices.images[0].write_bytes(content)
    with pytest.raises(DatasetError, match=r"damaged.*s2_0_0\.png"):
        batches(slices, recipe(batch_size=2), 0, 2)


def test_a_caller_that_leaves_early_leaves_nothing_running():
    made = []
    with workers(1) as pool:
        items = made_ahead([[number] for number in range(100)], made.append, pool)
        next(items)
        items.close()
    assert len(made) < 10
