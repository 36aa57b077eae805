"""What a checkpoint says is read without torch, and nothing in the file runs."""

import pickle
import subprocess
import sys
import zipfile

import pytest
import torch
from trained_files import save, trained

from ich_resources.backbones.checkpoint import find_checkpoint, find_checkpoints
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.recipe_in_file import PART
from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.backbones.trained_file import read_trained
from ich_resources.errors import CheckpointError, FormatError

BACKBONE = BACKBONES["DenseNet121_change_avg"]
WEIGHTS = {"a.weight": torch.ones(2, 3), "b": torch.zeros(1)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / BACKBONE.folder / checkpoint_name(0)


def test_the_same_as_was_written(path):
    save(path, WEIGHTS, trained().to_plain())
    assert read_trained(path) == trained()


def test_a_state_dict_of_a_network_is_passed_over(path):
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    save(path, network.state_dict() | {"c": torch.nn.Parameter(torch.ones(1))}, {})
    with pytest.raises(CheckpointError, match="format"):
        read_trained(path)
    torch.save({"state_dict": network.state_dict()}, path)
    assert read_trained(path) is None


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive", b"PK\3\4" + bytes(99)])
def test_what_is_not_an_archive_says_nothing(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    assert read_trained(path) is None


def test_the_form_of_early_releases_says_nothing(path):
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": WEIGHTS}, path, _use_new_zipfile_serialization=False)
    assert read_trained(path) is None


class Bad:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the file ran')",))


def test_code_in_the_file_is_never_run(tmp_path):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w") as archive:
        content = {"bad": Bad(), PART: trained().to_plain()}
        archive.writestr("archive/data.pkl", pickle.dumps(content, 2))
    assert read_trained(path) == trained()  # the inert object is passed over


def test_without_torch(path):
    save(path, WEIGHTS, trained().to_plain())
    program = (
        "import sys; from pathlib import Path\n"
        "from ich_resources.backbones.trained_file import read_trained\n"
        "print(read_trained(Path(sys.argv[1])).input_size, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True)
    assert done.stdout.split() == ["96", "False"], done.stderr


def test_what_torch_alone_can_read_is_an_error(path):
    """A checkpoint that hides what it says from all but torch is not taken for a released one."""
    path.parent.mkdir(parents=True)
    content = {"state_dict": WEIGHTS, PART: trained().to_plain()}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    file = find_checkpoint(path.parents[2], BACKBONE, 0)
    assert file.trained is None
    with pytest.raises(CheckpointError, match="cannot be read without torch"):
        load_folds([file], torch.device("cpu"))


def _folds(folder, *changes):
    for fold, change in enumerate(changes):
        about = trained(**{"fold": fold} | change).to_plain()
        save(folder / BACKBONE.folder / checkpoint_name(fold), WEIGHTS, about)
    return folder


def test_folds_that_were_trained_alike(tmp_path):
    files = find_checkpoints(_folds(tmp_path, {}, {}), BACKBONE, 2)
    assert [file.input_size for file in files] == [96, 96]
    assert [file.trained.fold for file in files] == [0, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"input_size": 128}, "(input_size: 96 and 128)"),
        ({"slice_context": "replicated"}, "(slice_context: adjacent and replicated)"),
        ({"trained_on": "patients"}, "(trained_on: phantoms and patients)"),
        ({"recipe": {"epochs": 80}}, "(recipe: "),
        ({"labels": "1" * 64}, "(labels: 000000000000 and 111111111111)"),
    ],
)
def test_folds_of_two_trainings_are_an_error_with_both_names(tmp_path, change, says):
    with pytest.raises(CheckpointError) as caught:
        find_checkpoints(_folds(tmp_path, {}, change), BACKBONE, 2)
    assert says in str(caught.value)
    assert "model_epoch_best_0.pth and model_epoch_best_1.pth" in str(caught.value)
    assert find_checkpoint(tmp_path, BACKBONE, 1).trained.fold == 1


def test_a_released_fold_among_trained_ones_is_an_error(tmp_path):
    torch.save(WEIGHTS, _folds(tmp_path, {}) / BACKBONE.folder / checkpoint_name(1))
    with pytest.raises(CheckpointError, match="96 and not said"):
        find_checkpoints(tmp_path, BACKBONE, 2)


@pytest.mark.parametrize("change", [{"fold": 1}, {"backbone": "DenseNet169_change_avg"}])
def test_a_checkpoint_in_the_place_of_another(tmp_path, change):
    with pytest.raises(
        CheckpointError, match=r"says that it is fold \d of DenseNet1.*, and lies where"
    ) as caught:
        find_checkpoints(_folds(tmp_path, change), BACKBONE, 1)
    assert caught.value.path.name == "model_epoch_best_0.pth"


def test_a_newer_checkpoint(tmp_path):
    path = tmp_path / BACKBONE.folder / checkpoint_name(0)
    save(path, WEIGHTS, {"format": 2})
    with pytest.raises(FormatError, match="newer version"):
        find_checkpoints(tmp_path, BACKBONE, 1)
