"""The fields of the training: defaults, recipes, and the example of a configuration."""

import re

import pytest
import yaml

from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import CheckpointError, IchError
from ich_resources.training.recipe import Recipe
from ich_resources.training.resource import TrainingResource

DENSE, SENET = BACKBONES["DenseNet121_change_avg"], BACKBONES["se_resnext101_32x4d"]


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=list(BACKBONES))
def test_without_settings_every_recipe_is_the_default(backbone):
    assert TrainingResource().recipe(backbone, 2) == Recipe.for_fold(backbone, 2)


def test_settings_reach_the_recipe_and_the_views():
    training = TrainingResource(
        batch_size=16, input_size=96, schedule="one_cycle", tta="none", threads=2, device="cpu"
    )
    recipe = training.recipe(SENET, 1)
    assert (recipe.batch_size, recipe.input_size, recipe.schedule) == (16, 96, "one_cycle")
    assert recipe.validation_batch_size == 40
    views = training.views(recipe)
    assert (views.tta, views.views, views.input_size, views.batch_size) == ("none", 1, 96, 40)
    assert (training.machine.device, training.machine.threads) == ("cpu", 2)


def test_a_wrong_value_names_the_example():
    with pytest.raises(IchError, match="input_size 5000.*train.example.yaml"):
        TrainingResource(input_size=5000).recipe(DENSE, 0)


def test_the_folder_of_the_first_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGENET_DIR", str(tmp_path / "a"))
    training = TrainingResource()
    with pytest.raises(CheckpointError, match="/a/densenet121-a639ec97.pth"):
        training.initial(training.recipe(DENSE, 0))
    training = TrainingResource(imagenet_dir=str(tmp_path / "b"))
    with pytest.raises(CheckpointError, match="/b/se_resnext101_32x4d-3b2fe3d8.pth"):
        training.initial(training.recipe(SENET, 0))


def test_the_example_names_every_field_with_a_value_that_it_takes(pytestconfig):
    text = (pytestconfig.rootpath / "conf" / "train.example.yaml").read_text()
    set_to = yaml.safe_load(text)["resources"]["training"]["config"]
    block = text[text.index("  training:\n") : text.index("  sequence:\n")]
    every = yaml.safe_load(re.sub("(?m)^      # (?=[a-z_]+:)", "      ", block))
    shown = every["training"]["config"]
    assert set(shown) == set(TrainingResource.model_fields)
    assert TrainingResource(**shown).recipe(DENSE, 0).batch_size == 256
    # What is not behind a comment sign is what holds without the file.
    defaults = TrainingResource()
    assert {name: getattr(defaults, name) for name in set_to} == set_to
    assert TrainingResource(**set_to).recipe(DENSE, 0) == defaults.recipe(DENSE, 0)
