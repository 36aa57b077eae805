"""Weights are loaded strictly, once, and no file can do more than hold weights."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ich_resources.backbones.checkpoint import CheckpointFile, find_checkpoint, find_checkpoints
from ich_resources.backbones.checkpoint_digests import digest_file
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.state_dict import UNTRAINED_KEY, read_state_dict
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.errors import CheckpointError

CPU = torch.device("cpu")
BACKBONE = BACKBONES["DenseNet121_change_avg"]

State = dict[str, torch.Tensor]


def load(path: Path, backbone: Backbone = BACKBONE) -> LoadedFold:
    """Load a file that has not been loaded before."""
    return load_folds([CheckpointFile(backbone.name, path, digest_file(path), False)], CPU)[0]


@pytest.fixture(scope="module")
def whole(stand_in_models) -> State:
    """Every weight of a DenseNet-121."""
    (file,) = find_checkpoints(stand_in_models, BACKBONE, 1)
    return read_state_dict(file.path)[0]


def assert_helpful(error: CheckpointError, path: Path) -> None:
    assert error.path == path
    assert str(path) in str(error)
    assert error.remedy and error.remedy in str(error)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("nested", [True, False])
def test_layouts_of_a_checkpoint(tmp_path, prefix, nested):
    weights = {f"{prefix}a.weight": torch.ones(2), f"{prefix}b": torch.zeros(1)}
    nest = {"state_dict": weights, "epoch": 3, "valLoss": 0.1}
    path = tmp_path / "weights.pth"
    torch.save(nest if nested else weights, path)
    state, untrained = read_state_dict(path)
    assert list(state) == ["a.weight", "b"]
    assert torch.equal(state["a.weight"], torch.ones(2))
    assert not untrained


@pytest.mark.parametrize("mark", [{UNTRAINED_KEY: True}, {UNTRAINED_KEY: False}, {}])
def test_stand_ins_are_marked(tmp_path, mark):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {"a": torch.ones(1)}, **mark}, path)
    assert read_state_dict(path)[1] is mark.get(UNTRAINED_KEY, False)


def test_released_names_load_with_exactly_their_values(tmp_path, whole):
    path = tmp_path / "bare.pth"
    torch.save({f"module.{key}": value for key, value in whole.items()}, path)
    fold = load(path)
    loaded = fold.network.state_dict()
    assert loaded.keys() == whole.keys()
    assert all(torch.equal(loaded[key], value) for key, value in whole.items())
    assert not fold.untrained
    assert not fold.network.training
    assert not any(p.requires_grad for p in fold.network.parameters())


def test_half_precision_becomes_float32(tmp_path, whole):
    path = tmp_path / "half.pth"
    half = {k: v.half() if v.is_floating_point() else v for k, v in whole.items()}
    torch.save(half, path)
    loaded = load(path).network.state_dict()
    assert {v.dtype for v in loaded.values() if v.is_floating_point()} == {torch.float32}
    assert torch.equal(loaded["mlp.weight"], half["mlp.weight"].float())


def test_a_file_is_deserialised_once(tmp_path, whole):
    path = tmp_path / "weights.pth"
    torch.save(whole, path)
    file = CheckpointFile(BACKBONE.name, path, digest_file(path), False)
    (first,) = load_folds([file], CPU)
    path.unlink()
    assert load_folds([file], CPU)[0].network is first.network
    other_content = CheckpointFile(BACKBONE.name, path, "1" * 64, False)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_folds([other_content], CPU)


def test_a_file_replaced_since_it_was_digested(tmp_path, whole):
    path = tmp_path / "weights.pth"
    torch.save(whole, path)
    file = CheckpointFile(BACKBONE.name, path, digest_file(path), False)
    before = path.stat()
    torch.save(whole | {"mlp.bias": torch.zeros(6)}, path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copy that keeps times does
    assert path.stat().st_size == before.st_size
    with pytest.raises(CheckpointError, match="was replaced since") as caught:
        load_folds([file], CPU)
    assert_helpful(caught.value, path)


def _missing(state: State) -> None:
    del state["mlp.bias"]


def _extra(state: State) -> None:
    state["mlp.scale"] = torch.ones(6)


def _misshapen(state: State) -> None:
    state["mlp.weight"] = torch.zeros(5, 1024)


def _not_a_number(state: State) -> None:
    state["densenet121.norm5.running_var"] = torch.full((1024,), float("nan"))


def _infinite(state: State) -> None:
    state["mlp.bias"] = torch.tensor([0, 0, 0, 0, 0, float("inf")])


def _whole_numbers(state: State) -> None:
    state["mlp.weight"] = torch.zeros(6, 1024, dtype=torch.int64)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_missing, r"1 keys \(missing mlp.bias\)"),
        (_extra, r"1 keys \(unknown mlp.scale\)"),
        (_misshapen, r"1 keys \(mlp.weight is \(5, 1024\), not \(6, 1024\)\)"),
        (_not_a_number, r"densenet121.norm5.running_var has values that are not finite"),
        (_infinite, "mlp.bias has values that are not finite"),
        (_whole_numbers, "mlp.weight holds no plain floating-point numbers"),
        (dict.clear, r"727 keys \(missing .*; \.\.\.\)"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, whole, spoil, said):
    state = dict(whole)
    spoil(state)
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=said) as caught:
        load(path)
    assert BACKBONE.name in caught.value.message
    assert_helpful(caught.value, path)


def test_the_file_of_another_backbone(stand_in_models):
    path = stand_in_models / BACKBONE.folder / "model_epoch_best_0.pth"
    with pytest.raises(CheckpointError, match="does not fit se_resnext101_32x4d") as caught:
        load(path, BACKBONES["se_resnext101_32x4d"])
    assert "folder of its own backbone" in caught.value.remedy
    assert_helpful(caught.value, path)


def test_a_truncated_file(tmp_path, stand_in_models):
    content = (stand_in_models / BACKBONE.folder / "model_epoch_best_0.pth").read_bytes()
    path = tmp_path / "weights.pth"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="cannot be read") as caught:
        load(path)
    assert_helpful(caught.value, path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><html>404</html>",
        b"\x1f\x8b\x08 the archive, not unpacked",
        b"PK\x03\x04 no central directory",
        pickle.dumps({"state_dict": 5}),
        b"\x80\x02}s.",  # a dict item is set where nothing is on the stack
        b"\x80\x02X\x05",  # a string's length is cut short
    ],
    ids=["empty", "web page", "archive", "broken zip", "pickle", "stack", "short"],
)
def test_what_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    assert_helpful(caught.value, path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.ones(3), "no state dict"),
        ({"state_dict": [torch.ones(3)]}, "no state dict"),
        ({"epoch": 3, "a.weight": torch.ones(3)}, "no state dict"),
        ({0: torch.ones(3)}, "no state dict"),
        ({"module.a": torch.ones(3), "a": torch.ones(3)}, "names weights twice"),
    ],
)
def test_what_holds_no_state_dict(tmp_path, value, said):
    path = tmp_path / "weights.pth"
    torch.save(value, path)
    with pytest.raises(CheckpointError, match=said) as caught:
        read_state_dict(path)
    assert_helpful(caught.value, path)


class Trap:
    """Whoever unpickles this creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def _save_zip(value: object, path: Path) -> None:
    torch.save(value, path)


def _save_legacy(value: object, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


def _save_pickle(value: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(value, protocol=2))


@pytest.mark.parametrize("save", [_save_zip, _save_legacy, _save_pickle])
def test_pickled_code_is_never_run(tmp_path, save):
    target, path = tmp_path / "ran", tmp_path / "weights.pth"
    trap = Trap(target)
    pickle.loads(pickle.dumps(trap))
    assert target.exists(), "the trap is none"
    target.unlink()
    save({"state_dict": {"a": torch.ones(1)}, "note": trap}, path)
    with pytest.raises(CheckpointError, match="pickled code is never run") as caught:
        load(path)
    assert not target.exists()
    assert_helpful(caught.value, path)


def test_compiled_networks_need_no_library_of_layers():
    """Importing torchvision and pretrainedmodels takes longer than importing PyTorch."""
    program = (
        "import sys, ich_resources.backbones.loading, ich_resources.inference.predict\n"
        "import ich_resources.saliency.explain\n"
        "print(sorted({'torch', 'torchvision', 'pretrainedmodels'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert done.stdout.strip() == "['torch']", done.stderr


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=lambda backbone: backbone.asset)
def test_weights_that_are_cast_once_give_the_bits_of_autocast(stand_in_models, backbone):
    file = find_checkpoint(stand_in_models, backbone, 0)
    (exact,), (half,) = (load_folds([file], CPU, name) for name in ("float32", "bfloat16"))
    types = {parameter.dtype for parameter in half.network.parameters()}
    assert types == {torch.bfloat16, torch.float32}, "batch norm stays as it is"
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    x = x.to(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        expected, found = exact.network(x), half.network(x)
    assert torch.equal(found, expected)
    with torch.inference_mode():
        assert not torch.equal(exact.network(x), expected), "the test could not fail"
