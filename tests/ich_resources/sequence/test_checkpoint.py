from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sequence_task import make_series

from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import CheckpointError, FormatError
from ich_resources.sequence.about import SequenceAbout
from ich_resources.sequence.apply import mean_of_folds, sequence_probabilities
from ich_resources.sequence.checkpoint import (
    SequenceFile,
    checkpoint_bytes,
    find_sequence,
    load_sequence,
    require_fits_together,
)
from ich_resources.sequence.network import SequenceNetwork
from ich_resources.sequence.recipe import SequenceRecipe
from ich_resources.sequence.results import SequenceEpoch, TrainedSequence

CHECKPOINTS = {
    name: tuple(f"{number}{fold}" * 32 for fold in range(5))
    for number, name in enumerate(BACKBONES)
}
EPOCH = SequenceEpoch(3, 3e-4, 1.0, 1.0, 0.5, 0.4)


def _about(fold: int = 0) -> SequenceAbout:
    return SequenceAbout(
        fold=fold,
        backbones=tuple(BACKBONES),
        widths=(1024, 1664, 2048),
        checkpoints=CHECKPOINTS,
        views="four",
        sequence_features="each",
        trained_on="patients",
        recipe=SequenceRecipe(fold).to_plain(),
        oof_table="t",
        head1=0.5,
        head2=0.4,
        versions={"torch": "2"},
    )


def _write(folder: Path, network: SequenceNetwork, about: SequenceAbout) -> SequenceFile:
    from ich_resources.digests import file_sha256

    path = folder / "SequenceModel" / f"fold_{about.fold}.pt"
    path.parent.mkdir(exist_ok=True)
    trained = TrainedSequence(network.state_dict(), EPOCH, (EPOCH,), "cpu")
    path.write_bytes(checkpoint_bytes(trained, about))
    return SequenceFile(path, file_sha256(path))


def test_a_checkpoint_comes_back_with_what_it_says_about_itself(tmp_path: Path) -> None:
    network = SequenceNetwork(3)
    file = _write(tmp_path, network, _about())

    about, loaded = load_sequence(file, "cpu")

    assert about == _about() and not loaded.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key]), key
    content = torch.load(file.path, weights_only=True)
    assert content.keys() == {"epoch", "state_dict", "valLoss", "ich"}
    assert content["valLoss"] == 0.4 and content["epoch"] == 4
    assert content["ich"]["backbones"] == list(BACKBONES) and content["ich"]["dz_unit"] == "mm"


def test_all_five_folds_must_be_there(tmp_path: Path) -> None:
    network = SequenceNetwork(3)
    for fold in (0, 1, 2, 4):
        _write(tmp_path, network, _about(fold))

    with pytest.raises(CheckpointError, match="missing: SequenceModel/fold_3.pt .*ich_sequence"):
        find_sequence(tmp_path)


def test_a_network_of_another_number_of_backbones_does_not_fit(tmp_path: Path) -> None:
    file = _write(tmp_path, SequenceNetwork(1), _about())

    with pytest.raises(CheckpointError, match="does not fit its network: 4 keys"):
        load_sequence(file, "cpu")


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"format": 2}, FormatError, "format 2, and this version reads format 1"),
        ({"dz_unit": "cm"}, CheckpointError, "dz_unit"),
        ({"views": "eight"}, CheckpointError, "views"),
        ({"more": 1}, CheckpointError, "more"),
        ({"widths": [1024]}, CheckpointError, "widths"),
    ],
)
def test_a_part_that_cannot_be_read_is_named(
    changes: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        SequenceAbout.from_plain(_about().to_plain() | changes)


def test_folds_that_do_not_belong_together_are_refused() -> None:
    abouts = [_about(fold) for fold in range(5)]
    require_fits_together(abouts, CHECKPOINTS, Path("m"))

    other = [*abouts[:4], replace(abouts[4], views="none")]
    with pytest.raises(CheckpointError, match="fold_4.pt does not belong to fold_0.pt"):
        require_fits_together(other, CHECKPOINTS, Path("m"))
    name = next(iter(BACKBONES))
    fewer = {**CHECKPOINTS, name: CHECKPOINTS[name][:4]}
    with pytest.raises(CheckpointError, match=f"trained on 5 folds of {name}, and 4 are chosen"):
        require_fits_together(abouts, fewer, Path("m"))


def test_a_series_and_its_reverse_have_the_same_answer_turned_round() -> None:
    torch.manual_seed(0)
    networks = [SequenceNetwork(3).eval(), SequenceNetwork(3).eval()]
    (series,) = make_series(1, 0, (7, 7), width=32)

    found = sequence_probabilities(networks, [series])

    backward = replace(
        series,
        features=tuple(values[::-1] for values in series.features),
        probabilities=series.probabilities[:, ::-1],
        labels=series.labels[::-1],
    )  # equal distances: the positions are those of the series itself
    turned = sequence_probabilities(networks, [backward])
    assert found.shape == (7, 6) and found.dtype == np.float32
    assert np.allclose(found, turned[::-1], atol=1e-6)
    each = [sequence_probabilities([network], [series]) for network in networks]
    assert np.allclose(found, np.mean(each, 0), atol=1e-6)


def test_a_single_slice_has_an_answer_and_folds_may_be_averaged_before() -> None:
    network = SequenceNetwork(3).eval()
    one, two = make_series(2, 0, (1, 1), width=32)

    mean = sequence_probabilities([network], [one, two], "mean")

    assert mean.shape == (1, 6)
    assert np.array_equal(mean, sequence_probabilities([network], [mean_of_folds([one, two])]))
    assert not np.array_equal(mean, sequence_probabilities([network], [one, two]))
