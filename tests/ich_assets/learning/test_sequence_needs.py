"""What would stop the sequence models is said before a 2D network is trained."""

import dataclasses

import dagster as dg
import numpy as np
import pytest
from scored_training import learning_resources
from training_root import Amount, write_training_root

from ich_assets import definitions
from ich_assets.learning.data_set import data_set
from ich_assets.learning.sequence_needs import require_sequence_data
from ich_resources.backbones.table import BACKBONES
from ich_resources.dataset.table import write_dataset
from ich_resources.errors import DatasetError, IchError
from ich_resources.labels import Folds

DENSE = BACKBONES["DenseNet121_change_avg"]


@pytest.fixture
def root(tmp_path):
    """Ten series of ten patients, two in each fold."""
    write_training_root(tmp_path, Amount(patients=10, slices=4))
    return tmp_path


def test_a_batch_may_have_as_many_series_as_each_fold_leaves(root):
    data = data_set(learning_resources(root).train_root.layout)
    series = dict(zip(data.slices.series, data.fold_of.tolist(), strict=True))
    left = len(series) - max(list(series.values()).count(fold) for fold in range(5))
    require_sequence_data(learning_resources(root, batch_size=left), DENSE)
    with pytest.raises(IchError, match=f"{left} series are fewer than one batch of {left + 1}"):
        require_sequence_data(learning_resources(root, batch_size=left + 1), DENSE)


def test_an_unknown_position_is_named(root):
    resources = learning_resources(root)
    layout = resources.train_root.layout
    data = data_set(layout)
    positions = data.slices.positions.copy()
    positions[3] = np.nan
    slices = dataclasses.replace(data.slices, positions=positions)
    folds = Folds(dict(zip(slices.patients, data.fold_of.tolist(), strict=True)))
    write_dataset(layout.slices, layout.folds, root, slices, folds)
    with pytest.raises(DatasetError, match="the position of 1 slices is not known"):
        require_sequence_data(resources, DENSE)


def test_ich_train_says_so_before_it_trains(root):
    resources = learning_resources(root, batch_size=128)
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.defs.resolve_job_def("ich_train").execute_in_process(
            run_config={"resources": resources.run_config()},
            instance=instance,
            raise_on_error=False,
        )
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "fewer than one batch of 128" in failure.step_failure_data.error.to_string()
    assert "set sequence.batch_size to at most" in failure.step_failure_data.error.to_string()
    assert not resources.train_root.layout.models.exists()
