"""First weights that have seen what a fold holds out: refused, or said in every table."""

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from scored_training import learning_resources, write_scored
from trained_files import SALT, trained
from training_root import Amount, TrainingPlace, tiny_config, write_training_root

from ich_assets.learning.data_set import DataSet, data_set
from ich_assets.learning.honesty import is_of_rsna, require_honest
from ich_assets.learning.oof_scores import weights_of
from ich_assets.learning.oof_table import oof_table
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.sequence import trained_sequence
from ich_assets.learning.sequence_oof import sequence_oof
from ich_assets.learning.submission import submission
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.study_hashes import study_hash
from ich_resources.backbones.table import BACKBONES
from ich_resources.dataset.table import write_dataset
from ich_resources.digests import file_sha256
from ich_resources.errors import IchError
from ich_resources.labels import Folds
from ich_resources.sequence.checkpoint import SequenceFile, load_sequence
from ich_resources.steps import FOLD_LIST, OOF_TABLE, SUBMISSION
from ich_resources.storage.dataset_schemas import FoldsContent
from ich_resources.storage.oof import LEAK_SENTENCE
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.training_table_schemas import OofTableContent, SubmissionContent
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


@pytest.mark.slow
def test_released_weights_are_refused_before_a_training_and_else_every_fold_says_so(
    tmp_path, stand_in_models
):
    place = TrainingPlace(tmp_path, stand_in_models)
    layout = place.layout
    slices = write_training_root(layout.train_root, Amount(5, 2))
    names = tuple(f"ID_{number:09x}" for number in range(len(slices.slices)))
    folds = Folds({f"{patient:032x}": patient % 5 for patient in range(5)})
    named = replace(slices, slices=names)
    write_dataset(layout.slices, layout.folds, layout.train_root, named, folds)
    ops = {"backbones": ["densenet121"], "folds": [0], "stages": ["2d", "oof"]}
    refused = place.execute("ich_train", tiny_config({"init": "released"}, train_folds=ops))
    assert refused.status == 1
    assert "init is released: the released checkpoints have seen the RSNA data" in refused.text
    assert "training on" not in refused.text and not layout.models.exists()
    settings = {"init": "released", "accept_leak": True}
    done = place.execute("ich_train", tiny_config(settings, train_folds=ops))
    assert done.status == 0, done.text
    assert "WARNING: densenet121|0: the first weights may have seen what this fold holds" in (
        done.text
    )
    single = layout.single_model_output(DENSE) / "fold_0_val_aug_4.csv"
    for table in (layout.oof(DENSE, 0).order, single):
        assert pd.read_csv(table)["accept_leak"].tolist() == [True, True], table


@pytest.mark.slow
def test_every_table_over_all_folds_says_so(tmp_path):
    root = tmp_path
    write_training_root(root, Amount(patients=10, slices=3))
    resources = learning_resources(root)
    layout = resources.train_root.layout
    for name in ("slices.csv", "slices.sha256"):  # the test set is the same
        shutil.copy(layout.dataset / name, layout.dataset / f"test_{name}")
    write_scored(resources, test=True, leak=True)
    materialise(resources, oof_table)
    materialise(resources, trained_sequence, "0")
    materialise(resources, sequence_oof, "0")
    materialise(resources, submission)
    folders = [layout.single_model_output(backbone) for backbone in BACKBONES.values()]
    tables = [layout.oof_order, layout.sequence_oof(0)[1]]
    tables += [folder / f"{kind}_aug_4.csv" for folder in folders for kind in ("val", "test")]
    for table in tables:
        assert pd.read_csv(table)["accept_leak"].all(), table
    about, _ = load_sequence(find_one(layout.sequence_checkpoint(0)), "cpu")
    assert about.accept_leak
    record = resources.train_root.records.find_as(training_subject(), SUBMISSION, SubmissionContent)
    assert record is not None and record.content.accept_leak
    made = resources.train_root.records.find_as(training_subject(), OOF_TABLE, OofTableContent)
    assert LEAK_SENTENCE in weights_of(layout, made.content, "2d").text


def find_one(path: Path) -> SequenceFile:
    return SequenceFile(path, file_sha256(path))


def materialise(
    resources: LearningResources, asset: dg.AssetsDefinition, partition: str | None = None
) -> None:
    """Run one asset, without its checks."""
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            [asset],
            resources=resources._asdict(),
            selection=dg.AssetSelection.assets(asset),
            partition_key=partition,
            instance=instance,
        )
    assert done.success
