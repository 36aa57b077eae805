from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import torch
from scored_training import WIDTHS, learning_resources, write_scored, write_scored_table
from training_root import Amount, write_training_root

from ich_assets import definitions, graph
from ich_assets.learning.data_set import data_set
from ich_assets.learning.out_of_fold import require_out_of_fold
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.sequence_data import out_of_fold_series
from ich_assets.learning.sequence_holding import (
    current_sequence,
    current_sequence_oof,
    recorded_sequences,
)
from ich_assets.learning.sequence_test import sequence_test_probabilities
from ich_resources.backbones.checkpoint_digests import known_digests
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import CheckpointError, IchError
from ich_resources.metric import weighted_log_loss
from ich_resources.sequence.apply import sequence_probabilities
from ich_resources.sequence.checkpoint import find_sequence, load_sequence
from ich_resources.storage.files import write_bytes
from ich_resources.storage.training_layout import TrainingLayout

pytestmark = pytest.mark.slow


def _run(resources: LearningResources, job: str, config: dict | None = None) -> None:
    ops = {} if config is None else {"ops": config}
    result = definitions.defs.resolve_job_def(job).execute_in_process(
        run_config={"resources": resources.run_config(), **ops}, raise_on_error=False
    )
    failures = [
        event.step_failure_data.error
        for event in result.all_events
        if event.is_failure and event.is_step_failure
    ]
    assert result.success, failures


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> LearningResources:
    """A training root with sequence models of all folds."""
    root = tmp_path_factory.mktemp("train")
    write_training_root(root, Amount(patients=15, slices=5))
    resources = learning_resources(root)
    _copy_as_test_set(resources.train_root.layout)
    write_scored(resources, test=True)
    write_scored_table(resources)
    _run(resources, "ich_sequence")
    return resources


def _copy_as_test_set(layout: TrainingLayout) -> None:
    for name in ("slices.csv", "slices.sha256"):
        content = (layout.dataset / name).read_bytes()
        write_bytes(layout.dataset / name.replace("slices", "test_slices"), content)


def test_each_fold_has_weights_that_say_what_they_were_trained_on(
    trained: LearningResources,
) -> None:
    layout = trained.train_root.layout
    known = known_digests(layout.models)
    for fold, file in enumerate(find_sequence(layout.models)):
        about, _ = load_sequence(file, "cpu")
        assert about.fold == fold and about.backbones == tuple(BACKBONES)
        assert about.widths == tuple(WIDTHS.values()) and about.views == "four"
        assert about.dz_unit == "mm" and about.sequence_features == "each"
        for backbone in BACKBONES.values():
            assert about.checkpoints[backbone.name] == tuple(
                known_digest(layout, backbone, number) for number in range(5)
            )
        assert known[f"SequenceModel/fold_{fold}.pt"] == file.digest
        content = torch.load(file.path, weights_only=True)
        assert len(content["state_dict"]) == 75 and content["valLoss"] == about.head2
    assert not list(layout.train_root.rglob("last*.pth"))


def known_digest(layout: TrainingLayout, backbone: object, fold: int) -> str:
    from ich_resources.digests import file_sha256

    return file_sha256(layout.checkpoint(backbone, fold))  # type: ignore[arg-type]


def test_every_slice_is_predicted_once_by_the_fold_that_held_it_out(
    trained: LearningResources,
) -> None:
    layout, source = trained.train_root.layout, require_out_of_fold(trained)
    data = data_set(layout)
    row = {uid: number for number, uid in enumerate(data.slices.slices)}
    seen: list[str] = []
    for fold in range(5):
        array, order = layout.sequence_oof(fold)
        slices = pd.read_csv(order, dtype=str)["slice"].tolist()
        found, rows = np.load(array), [row[uid] for uid in slices]
        seen += slices
        assert (data.fold_of[rows] == fold).all()
        record = current_sequence_oof(trained, fold, source)
        assert record is not None
        expected = weighted_log_loss(data.slices.labels[rows], found)
        assert record.content.weighted_log_loss == pytest.approx(expected)
    assert sorted(seen) == sorted(row)


def test_a_second_run_takes_what_holds_and_other_settings_train_again(
    trained: LearningResources,
) -> None:
    layout, source = trained.train_root.layout, require_out_of_fold(trained)
    before = [file.stat().st_mtime_ns for file in sorted(layout.models.rglob("*.pt"))]

    _run(trained, "ich_sequence", {"train_sequences": {"config": {"folds": [0, 3]}}})

    assert [file.stat().st_mtime_ns for file in sorted(layout.models.rglob("*.pt"))] == before
    other = learning_resources(layout.train_root, epochs=3)
    assert current_sequence(trained, 0, source) is not None
    assert current_sequence(other, 0, source) is None


def test_the_test_set_is_scored_by_every_2d_fold_and_every_sequence_fold(
    trained: LearningResources,
) -> None:
    from ich_assets.learning.sequence_data import test_series

    backbones = list(BACKBONES.values())
    found = sequence_test_probabilities(trained, backbones)

    by_fold = [dict(test_series(trained, backbones, fold)) for fold in range(5)]
    files = find_sequence(trained.train_root.layout.models)
    networks = [load_sequence(file, "cpu")[1] for file in files]
    slices = next(iter(by_fold[0]))
    expected = sequence_probabilities(networks, [series[slices] for series in by_fold])
    assert slices[0] == "1.2.0.0" and np.array_equal(found[:5], expected)
    alone = [
        sequence_probabilities([network], [series[slices]])
        for network in networks
        for series in by_fold
    ]
    assert np.allclose(np.mean(alone, 0), expected, atol=1e-6)
    assert found.shape == (75, 6) and np.isfinite(found).all()


def test_the_submission_holds_the_sequence_models(trained: LearningResources) -> None:
    from ich_assets.learning.submission import submission

    result = dg.materialize(
        [submission],
        resources=trained._asdict(),
        run_config={"ops": {"submission": {"config": {"source": "sequence"}}}},
    )

    assert result.success
    table = pd.read_csv(trained.train_root.layout.submission)
    expected = sequence_test_probabilities(trained, list(BACKBONES.values()))
    first = table.set_index("ID").loc["ID_1.2.0.0_any", "Label"]
    assert len(table) == 75 * 6 and first == pytest.approx(float(expected[0, 0]), abs=1e-7)


def test_fewer_backbones_than_it_was_trained_on_are_an_error(trained: LearningResources) -> None:
    with pytest.raises(CheckpointError, match="trained on DenseNet121_change_avg, DenseNet169"):
        sequence_test_probabilities(trained, list(BACKBONES.values())[:2])


def test_the_folds_of_the_reference_are_those_of_scikit_learn(trained: LearningResources) -> None:
    from sklearn.model_selection import KFold

    series = out_of_fold_series(trained, require_out_of_fold(trained), "kfold48")

    expected = [0] * 15
    for fold, (_, held_out) in enumerate(KFold(5, shuffle=True, random_state=48).split(expected)):
        for number in held_out:
            expected[number] = fold
    assert [one.fold for one in series] == expected


def test_finished_sequence_models_are_installed_with_their_digests(
    trained: LearningResources,
) -> None:
    recorded = recorded_sequences(trained)

    files = find_sequence(trained.train_root.layout.models)
    assert recorded == {f"SequenceModel/{file.path.name}": file.digest for file in files}


def test_without_a_table_of_all_folds_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    write_training_root(tmp_path)

    with pytest.raises(IchError, match="no table of predictions out of fold .* -> run ich_train"):
        require_out_of_fold(learning_resources(tmp_path))


def test_the_assets_have_a_partition_for_each_fold() -> None:
    node = graph.defs.resolve_asset_graph().get(dg.AssetKey("trained_sequence"))

    assert node.partitions_def is not None
    assert node.partitions_def.get_partition_keys() == ["0", "1", "2", "3", "4"]
