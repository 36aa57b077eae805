"""Which results of a training hold, why others do not, and what cannot be trained at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_root import Amount, write_training_root

from ich_assets.learning.data_set import data_set, training_slices
from ich_assets.learning.holding import current_trained, recorded_fold, why_stale
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.training_digests import trained_digest
from ich_assets.training_partitions import BACKBONE_AND_FOLD, backbone_and_fold, chosen_backbones
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.digests import bytes_sha256
from ich_resources.errors import DatasetError, IchError
from ich_resources.sequence.resource import SequenceResource
from ich_resources.steps import TRAINED_FOLD
from ich_resources.storage.files import write_bytes
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.training_layout import fold_subject
from ich_resources.storage.training_schemas import TrainedFoldContent
from ich_resources.training.resource import TrainingResource

WEIGHTS = b"weights"


def resources_of(root: Path, **training) -> LearningResources:
    fields = {"init": "random", "device": "cpu"} | training
    return LearningResources(
        TrainingResource(**fields), TrainRootResource(train_root=str(root)), SequenceResource()
    )


@pytest.fixture
def trained(tmp_path: Path) -> LearningResources:
    """Fifteen records as trainings write them."""
    write_training_root(tmp_path, Amount(5, 2))
    resources = resources_of(tmp_path)
    layout, data = resources.train_root.layout, data_set(resources.train_root.layout)
    for backbone in BACKBONES.values():
        for fold in range(FOLDS):
            recipe = resources.training.recipe(backbone, fold)
            path, log = layout.checkpoint(backbone, fold), layout.log(fold_subject(backbone, fold))
            write_bytes(path, WEIGHTS)
            write_bytes(log, b"log")
            content = TrainedFoldContent(
                seconds=1.0,
                backbone=backbone.name,
                fold=fold,
                folds=data.folds_version,
                checkpoint=bytes_sha256(WEIGHTS),
                recipe=recipe.fingerprint,
                init="random",
                initial="",
                epochs=80,
                best_epoch=79,
                weighted_log_loss=0.1,
                prior=0.4,
                slices=8,
                held_out=2,
                device="cpu",
                precision="float32",
            )
            names = tuple(layout.steps.relative(file) for file in (path, log))
            digest = trained_digest(recipe, "", data)
            resources.train_root.records.finish(
                fold_subject(backbone, fold), TRAINED_FOLD, Record(digest, "v", names, content)
            )
    return resources


def stale(resources: LearningResources) -> list[str]:
    """Return why each of the fifteen does not hold; empty texts for those that hold."""
    said = []
    for backbone in BACKBONES.values():
        for fold in range(FOLDS):
            record = recorded_fold(resources, backbone, fold)
            assert record is not None
            why = why_stale(resources, backbone, fold, record)
            assert (current_trained(resources, backbone, fold) is None) == bool(why)
            said.append(why)
    return said


def test_fifteen_results_hold(trained):
    assert stale(trained) == [""] * 15


def test_another_list_of_folds_makes_all_stale(trained):
    path = trained.train_root.layout.folds
    lines = path.read_text().splitlines()
    one, other = lines[1].split(","), lines[2].split(",")
    lines[1:3] = [f"{one[0]},{other[1]}", f"{other[0]},{one[1]}"]
    path.write_text("\n".join(lines) + "\n")
    assert stale(trained) == ["the list of folds has changed"] * 15


def test_another_recipe_makes_all_stale(trained):
    other = resources_of(trained.train_root.layout.train_root, epochs=81)
    assert stale(other) == ["the recipe has changed"] * 15
    same = resources_of(trained.train_root.layout.train_root, threads=2, tta="none")
    assert stale(same) == [""] * 15


def test_another_label_makes_all_stale(trained):
    path = trained.train_root.layout.slices
    text = path.read_text()
    assert ",0,0,0,0,0,0," in text
    path.write_text(text.replace(",0,0,0,0,0,0,", ",0,0,0,0,0,,", 1))
    assert set(stale(trained)) == {"labels, images, first weights or code have changed"}


def test_a_checkpoint_that_was_replaced_makes_its_fold_stale(trained):
    path = trained.train_root.layout.checkpoint(BACKBONES["se_resnext101_32x4d"], 2)
    path.write_bytes(b"WEIGHTS")  # of the same size
    said = stale(trained)
    assert said.pop(12) == "its checkpoint is damaged or was replaced"
    assert said == [""] * 14


def test_a_patient_without_a_fold_is_an_error(trained):
    path = trained.train_root.layout.folds
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DatasetError, match="the list of folds is of other studies"):
        data_set(trained.train_root.layout)


def test_no_data_set_is_an_error_with_the_remedy(tmp_path):
    with pytest.raises(DatasetError, match="ich_dataset") as caught:
        data_set(resources_of(tmp_path).train_root.layout)
    assert caught.value.path == tmp_path / "dataset" / "slices.csv"


def test_no_train_root_names_the_variable(monkeypatch):
    monkeypatch.delenv("TRAIN_ROOT", raising=False)
    with pytest.raises(IchError, match="TRAIN_ROOT is not set"):
        _ = TrainRootResource().layout


def test_fifteen_partitions(trained):
    keys = BACKBONE_AND_FOLD.get_partition_keys()
    assert len(keys) == 15 and str(keys[0]) == "densenet121|0"
    assert [backbone_and_fold(str(key))[0].asset for key in keys[::5]] == [
        "densenet121",
        "densenet169",
        "se_resnext101",
    ]


@pytest.mark.parametrize("key", ["densenet121", "densenet121|5", "resnet|0", "densenet121|-1", ""])
def test_another_partition_is_an_error_that_shows_the_form(key):
    with pytest.raises(IchError, match=r"densenet121\|0"):
        backbone_and_fold(key)


def test_backbones_are_chosen_by_either_name():
    assert [b.asset for b in chosen_backbones([])] == [b.asset for b in BACKBONES.values()]
    two = chosen_backbones(["se_resnext101_32x4d", "densenet121"])
    assert [backbone.asset for backbone in two] == ["densenet121", "se_resnext101"]
    with pytest.raises(IchError, match="there is no backbone 'vgg'"):
        chosen_backbones(["vgg"])


def test_a_fold_holds_out_its_slices_and_no_others(trained):
    data = data_set(trained.train_root.layout)
    for fold in range(FOLDS):
        slices, held_out = data.cut(fold, "series")
        assert set(held_out.groups) == {f"1.3.{fold:03}"}
        assert len(slices) == 8 and not set(slices.groups) & set(held_out.groups)


def test_the_series_of_a_study_are_interleaved_by_position_where_asked(trained):
    slices = data_set(trained.train_root.layout).slices
    # Two series of one study, of two slices each: the second lies 2 mm below the first.
    one = replace(
        slices,
        studies=("1.4.0",) * 4 + slices.studies[4:],
        positions=np.array([0.0, 5.0, -2.0, 3.0, *slices.positions[4:]]),
    )
    rows = np.arange(4)
    assert training_slices(one, rows, "series").slices == one.slices[:4]
    assert training_slices(one, rows, "study").slices == tuple(one.slices[i] for i in (2, 0, 3, 1))
