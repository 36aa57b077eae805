"""Defaults of each backbone, and values that a recipe refuses."""

import pytest

from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import CheckpointError
from ich_resources.training.recipe import Recipe

NAMES = list(BACKBONES)


@pytest.mark.parametrize(
    ("name", "size", "batches"),
    [(NAMES[0], 512, (256, 128)), (NAMES[1], 256, (256, 128)), (NAMES[2], 256, (80, 40))],
)
def test_the_defaults_are_the_references(name, size, batches):
    recipe = Recipe.for_fold(BACKBONES[name], 3)
    assert (recipe.backbone, recipe.fold, recipe.input_size) == (name, 3, size)
    assert (recipe.batch_size, recipe.validation_batch_size) == batches
    assert (recipe.epochs, recipe.rate, recipe.weight_decay, recipe.seed) == (80, 5e-4, 2e-5, 1992)
    assert (recipe.schedule, recipe.augment, recipe.any_weight) == ("reference", "reference", 1)
    assert (recipe.clip_norm, recipe.micro_batch, recipe.init) == (None, None, "imagenet")
    assert (recipe.slice_context, recipe.group_by) == ("adjacent", "series")
    assert recipe.last_slice


def test_none_means_the_default():
    recipe = Recipe.for_fold(BACKBONES[NAMES[0]], 0, batch_size=None, input_size=96)
    assert (recipe.batch_size, recipe.input_size) == (256, 96)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 1),
        ("micro_batch", 1),
        ("input_size", 31),
        ("schedule", "step"),
        ("clip_norm", 0.0),
        ("any_weight", 0.0),
        ("seed", -1),
        ("init", "noise"),
    ],
)
def test_a_wrong_value_is_named(field, value):
    with pytest.raises(ValueError, match=field):
        Recipe.for_fold(BACKBONES[NAMES[0]], 0, **{field: value})


def test_the_fold_exists():
    with pytest.raises(ValueError, match="fold 5"):
        Recipe.for_fold(BACKBONES[NAMES[0]], 5)


def test_the_fingerprint_tells_every_field():
    plain = Recipe.for_fold(BACKBONES[NAMES[0]], 0)
    prints = {plain.fingerprint}
    for change in (
        {"epochs": 79},
        {"any_weight": 2.0},
        {"last_slice": False},
        {"micro_batch": 32},
        {"keep": "last"},
        {"seed": 1},
    ):
        prints.add(Recipe.for_fold(BACKBONES[NAMES[0]], 0, **change).fingerprint)
    prints.add(Recipe.for_fold(BACKBONES[NAMES[0]], 1).fingerprint)
    prints.add(Recipe.for_fold(BACKBONES[NAMES[1]], 0).fingerprint)
    assert len(prints) == 9


def test_the_settings_are_equal_in_all_folds_and_can_be_read_again():
    first, second = (Recipe.for_fold(BACKBONES[NAMES[2]], fold, epochs=3) for fold in (0, 4))
    assert first.settings() == second.settings()
    assert Recipe.from_settings(NAMES[2], 4, first.settings()) == second
    with pytest.raises(CheckpointError, match="cannot be read.*train again"):
        Recipe.from_settings(NAMES[2], 4, {**first.settings(), "mixup": 1})
