"""The assets and their checks are those of the table of steps."""

import dagster as dg
import pytest

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.graph import SERIES_ASSETS, TRAINING_ASSETS, defs
from ich_resources.steps import (
    BY_NAME,
    DATASET_IMAGES,
    OOF_TABLE,
    SOURCE,
    STEPS,
    SUBMISSION,
    TEST_PREDICTIONS,
    TRAINED_SEQUENCE,
    TRAINING_STEPS,
)

GRAPH = defs.resolve_asset_graph()
WITH_AN_ASSET = [name for name in BY_NAME if name != DATASET_IMAGES]
"""The images of a data set are records that ``labelled_slices`` makes; they have no asset."""


def test_every_step_has_an_asset_of_its_name():
    assert [asset.key.to_user_string() for asset in SERIES_ASSETS] == [s.name for s in STEPS]
    training = {asset.key.to_user_string() for asset in TRAINING_ASSETS}
    assert training - BY_NAME.keys() == {"oof_evaluation"}
    assert {s.name for s in TRAINING_STEPS} - training == {DATASET_IMAGES}
    assert all(GRAPH.has(dg.AssetKey(name)) for name in WITH_AN_ASSET)


@pytest.mark.parametrize("name", WITH_AN_ASSET)
def test_an_asset_depends_on_what_the_table_says_that_its_step_needs(name):
    parents = {key.to_user_string() for key in GRAPH.get(dg.AssetKey(name)).parent_keys}
    checkpoints = {asset.key.to_user_string() for asset in CHECKPOINTS}
    assert parents - checkpoints == set(BY_NAME[name].needs) - {DATASET_IMAGES}


def test_a_submission_may_be_of_the_sequence_models():
    parents = GRAPH.get(dg.AssetKey(SUBMISSION)).parent_keys
    assert parents == {dg.AssetKey(TEST_PREDICTIONS), dg.AssetKey(TRAINED_SEQUENCE)}


def test_a_table_of_all_folds_depends_on_every_partition():
    for name in (OOF_TABLE, SUBMISSION):
        node = GRAPH.get(dg.AssetKey(name))
        assert node.partitions_def is None
        mappings = {node.partition_mappings.get(key) for key in node.parent_keys}
        assert mappings == {dg.AllPartitionMapping()}


def test_the_steps_with_checks_are_those_of_the_table():
    checked = {key.asset_key.to_user_string() for key in GRAPH.asset_check_keys}
    assert checked & BY_NAME.keys() == {s.name for s in BY_NAME.values() if s.has_checks}


def test_the_source_is_an_asset_that_no_run_makes():
    assert not GRAPH.get(dg.AssetKey(SOURCE)).is_materializable
