"""What is wrong from the start is said at once, in a sentence, and nothing is begun."""

import pickle
from pathlib import Path

import pytest

from ich_resources.demo.study import write_series

pytestmark = pytest.mark.slow

FAST = "max_folds_per_backbone: 1"


@pytest.fixture
def ready(workplace):
    """One small series, and everything it needs."""
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    return workplace


def _refused(place, *words: str, config: str | None = None) -> None:
    done = place.batch(*([config] if config else []))
    assert done.status == 1
    for word in words:
        assert word in done.text
    assert "Stack Trace" not in done.text
    assert "Traceback" not in done.text
    assert "Found" not in done.text  # the scan has not begun
    assert len(done.text.splitlines()) < 8, done.text


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (f"networks: {{config: {{{FAST}, device: cuda}}}}", ("'cuda' was asked for",)),
        (
            f"networks: {{config: {{{FAST}, backbones: [resnet]}}}}",
            ("backbones is ['resnet']: it must name some of",),
        ),
        (
            f"networks: {{config: {{{FAST}}}}}\n  dicom: {{config: {{window: '40/0'}}}}",
            ("window '40/0' cannot be used", "see resources.dicom in conf/run.example.yaml"),
        ),
        (
            f"networks: {{config: {{{FAST}}}}}\n  dicom: {{config: {{window: abc}}}}",
            ("window 'abc' is unknown; use header, header_brain, or center/width",),
        ),
        ("networks: {config: {}}", ("checkpoint missing: model_epoch_best_1.pth",)),
        (
            f"networks: {{config: {{{FAST}}}}}\n  saliency: {{config: {{target_class: foo}}}}",
            ("target_class 'foo' is not one of",),
        ),
        (
            f"networks: {{config: {{{FAST}}}}}\n"
            "  saliency: {config: {mode: single, single_fold: 3}}",
            ("checkpoint missing: model_epoch_best_3.pth",),
        ),
    ],
)
def test_options(ready, config, words):
    import torch

    if "cuda" in config and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    _refused(ready, *words, config=f"resources:\n  {config}\n")


def test_run_root_must_be_a_folder_outside_of_the_input(ready):
    ready.environment["RUN_ROOT"] = str(ready.dicom / "results")
    _refused(ready, "RUN_ROOT is inside the input folder")
    file = ready.root / "a file"
    file.write_text("in the way")
    ready.environment["RUN_ROOT"] = str(file)
    _refused(ready, "cannot write", str(file))
    assert file.read_text() == "in the way"


def test_the_key_file_may_not_lie_in_the_results(ready):
    inside = ready.results / "keys.csv"
    config = f"resources:\n  networks: {{config: {{{FAST}}}}}\n"
    config += f"  results: {{config: {{key_file: {inside}}}}}\n"
    _refused(ready, "results.key_file lies inside RUN_ROOT", str(inside), config=config)


def test_folders_that_are_missing_are_named(ready):
    ready.environment["DICOM_INPUT"] = ""
    _refused(ready, "DICOM_INPUT is not set", "resources.dicom.config.input_dir")


class Bomb:
    """Unpickled carelessly, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.write_text, (self.path, "boom"))


def test_a_checkpoint_with_code_in_it_runs_nothing(ready, stand_in_models, tmp_path):
    import shutil

    ready.models = tmp_path / "models"
    shutil.copytree(stand_in_models, ready.models)
    (ready.models / "checkpoints.sha256").unlink()
    path = ready.models / "2DNet" / "DenseNet121_change_avg_512" / "model_epoch_best_0.pth"
    path.write_bytes(pickle.dumps({"state_dict": Bomb(tmp_path / "boom")}))
    done = ready.batch()
    assert done.status == 1
    assert not (tmp_path / "boom").exists()
    assert str(path) in done.text
    assert "pickled code is never run" in done.text
    assert "Stack Trace" not in done.text
    assert "weights_only" not in done.text
