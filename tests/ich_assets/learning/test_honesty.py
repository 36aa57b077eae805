"""First weights that have seen what a fold holds out: refused, or said in every table."""

from dataclasses import replace
from pathlib import Path

import pytest
from trained_files import SALT, trained
from training_root import Amount, write_training_root

from ich_assets.learning.data_set import DataSet, data_set
from ich_assets.learning.honesty import is_of_rsna, require_honest
from ich_resources.backbones.recipe_in_file import Trained, study_hash
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import IchError
from ich_resources.steps import FOLD_LIST
from ich_resources.storage.dataset_schemas import FoldsContent
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.subjects import training_subject
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.resource import TrainingResource

DENSE, FOLD = BACKBONES["DenseNet121_change_avg"], 2
FILE = Path("/models/model_epoch_best_2.pth")


@pytest.fixture
def root(tmp_path: Path) -> TrainRootResource:
    """Ten patients with a study each; study n is held out by fold n % 5."""
    write_training_root(tmp_path, Amount(10, 1))
    return TrainRootResource(train_root=str(tmp_path))


def data_of(root: TrainRootResource, *, rsna: bool) -> DataSet:
    data = data_set(root.layout)
    if not rsna:
        return data
    names = tuple(f"ID_{number:09x}" for number in range(len(data.slices.slices)))
    return replace(data, slices=replace(data.slices, slices=names))


def take_lists(root: TrainRootResource) -> None:
    """Note that the folds come from lists, as ``folds`` does."""
    layout = root.layout
    content = FoldsContent(
        slices="", source="lists", patients=(2,) * 5, in_several=0, positives={}, seconds=0.0
    )
    names = (layout.steps.relative(layout.folds),)
    root.records.finish(training_subject(), FOLD_LIST, Record("", "", names, content))


def asked(
    root: TrainRootResource,
    init: str,
    about: Trained | None = None,
    *,
    rsna: bool,
    accept: bool = False,
) -> InitialFile:
    recipe = TrainingResource(init=init).recipe(DENSE, FOLD)
    initial = InitialFile(recipe.init, FILE, "0" * 64, about)
    return require_honest(
        recipe, initial, data_of(root, rsna=rsna), root.records, accept_leak=accept
    )


@pytest.mark.parametrize(
    ("init", "rsna"), [("imagenet", True), ("random", True), ("released", False)]
)
def test_weights_that_have_not_seen_the_data_are_taken(root, init, rsna):
    assert is_of_rsna(data_of(root, rsna=rsna).slices.slices) is rsna
    assert not asked(root, init, rsna=rsna, accept=True).leak


def test_released_weights_and_other_folds_of_the_rsna_data_leak(root):
    with pytest.raises(IchError, match="seen the RSNA data with folds.*-> .*accept_leak to true"):
        asked(root, "released", rsna=True)
    assert asked(root, "released", rsna=True, accept=True).leak


def test_released_weights_and_their_own_folds_do_not_leak(root):
    take_lists(root)
    assert not asked(root, "released", rsna=True).leak


def own(folds: dict[int, int], init: str = "imagenet") -> Trained:
    """What a checkpoint of one's own says: studies of these numbers, and their folds."""
    studies = {study_hash(SALT, f"1.4.{number}"): fold for number, fold in folds.items()}
    return trained(fold=FOLD, studies=studies, init=init)


def test_a_checkpoint_of_one_s_own_with_the_same_folds_is_taken(root):
    assert not asked(root, "released", own({n: n % 5 for n in range(10)}), rsna=True).leak
    # A study that it does not know was not seen.
    assert not asked(root, "released", own({0: 0, 1: 1}), rsna=True).leak


def test_a_checkpoint_of_one_s_own_that_has_seen_a_study_is_named(root):
    moved = own({n: n % 5 for n in range(10)} | {7: 3})  # fold 2 holds out 2 and 7
    with pytest.raises(IchError) as caught:
        asked(root, "released", moved, rsna=False)
    assert caught.value.path == FILE
    assert "trained on 1 of the 2 studies that fold 2 holds out" in str(caught.value)
    assert asked(root, "released", moved, rsna=False, accept=True).leak


def test_what_a_checkpoint_of_one_s_own_began_with_counts(root):
    same = own({n: n % 5 for n in range(10)}, init="released")
    assert not asked(root, "released", same, rsna=False).leak
    with pytest.raises(IchError, match="seen the RSNA data"):
        asked(root, "released", same, rsna=True)
