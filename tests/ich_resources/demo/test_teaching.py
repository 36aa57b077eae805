"""The demo trains its networks once, goes on after a kill, and the release's loader reads them."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ich_resources.backbones.checkpoint import find_checkpoints
from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.state_dict import read_state_dict
from ich_resources.backbones.table import BACKBONES
from ich_resources.demo import cohort
from ich_resources.demo.patients import draw_patient
from ich_resources.demo.plan import Plan
from ich_resources.demo.teaching import MADE_FROM, is_trained, train_networks

pytestmark = pytest.mark.slow

TINY = Plan(
    patients=4,
    held_out=2,
    slices=4,
    size=48,
    input_sizes=dict.fromkeys(BACKBONES, 32),
    epochs=1,
    batch_size=8,
)


KILLED = """
from pathlib import Path
from ich_resources.demo.plan import Plan
from ich_resources.demo.teaching import train_networks
folder = Path({folder!r})
train_networks(folder / "training", folder / "models", Plan(**{plan!r}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A demo folder whose networks have seen four patients."""
    folder = tmp_path_factory.mktemp("demo")
    train_networks(folder / "training", folder / "models", TINY)
    return folder


def load_weights_of(models: Path) -> dict[str, torch.Tensor]:
    """Return the weights of all three networks."""
    weights = {}
    for name, backbone in BACKBONES.items():
        (file,) = find_checkpoints(models, backbone, 1)
        weights |= {f"{name} {key}": value for key, value in read_state_dict(file.path)[0].items()}
    return weights


def times(folder: Path) -> dict[str, int]:
    """Return the time of change of each file below a folder."""
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_the_files_are_a_model_folder_with_known_digests(trained):
    models = trained / "models"
    for backbone in BACKBONES.values():
        (file,) = find_checkpoints(models, backbone, 1)
        assert file.expected
        assert file.input_size == 32
        assert file.trained.trained_on == "phantoms"
        assert file.trained.slice_context == "replicated"
        assert file.trained.init == "random"
        digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert f"{digest}  {backbone.folder}" in (models / DIGESTS_FILE).read_text()
    assert json.loads((models / MADE_FROM).read_text())["plan"]["patients"] == 4
    assert [p.name for p in (trained / "training").iterdir()] == ["lock"]


def test_the_checkpoints_tell_trained_patients_from_others(trained):
    (file,) = find_checkpoints(trained / "models", BACKBONES["DenseNet121_change_avg"], 1)
    seeds, held_out = TINY.patient_seeds
    assert all(file.trained.was_trained_on(cohort.study_uid(seed)) for seed in seeds)
    assert not any(file.trained.was_trained_on(cohort.study_uid(seed)) for seed in held_out)
    shown = [cohort.study_uid(patient.seed) for patient in cohort.draw_cohort()]
    assert not any(file.trained.was_trained_on(study) for study in shown)


def test_networks_of_the_same_plan_are_kept(trained):
    models = trained / "models"
    before, told = times(models), []
    train_networks(trained / "training", models, TINY, told.append)
    assert times(models) == before
    assert not told


def test_another_plan_or_a_missing_file_is_not_kept(trained, tmp_path):
    assert is_trained(trained / "models", TINY)
    assert not is_trained(trained / "models", Plan())
    assert not is_trained(tmp_path, TINY)
    (file,) = find_checkpoints(trained / "models", BACKBONES["DenseNet121_change_avg"], 1)
    aside = file.path.rename(tmp_path / "aside")
    assert not is_trained(trained / "models", TINY)
    aside.rename(file.path)


def test_after_a_kill_the_next_run_goes_on(trained, tmp_path):
    """The parent is killed while its children train; what they had finished stays."""
    code = KILLED.format(folder=str(tmp_path), plan=TINY.to_plain())
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    folder = tmp_path / "training" / TINY.digest[:12]
    while not list(folder.glob("*/last.pth")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not is_trained(tmp_path / "models", TINY)
    painted = (folder / "labels.json").read_bytes()
    train_networks(tmp_path / "training", tmp_path / "models", TINY)
    assert is_trained(tmp_path / "models", TINY)
    again, first = (load_weights_of(place / "models") for place in (tmp_path, trained))
    assert len(json.loads(painted)) == 6
    assert all(torch.equal(again[key], value) for key, value in first.items())


def test_patients_of_the_training_and_of_the_demo_are_others():
    plan = Plan()
    seeds, held_out = plan.patient_seeds
    shown = [patient.seed for patient in cohort.draw_cohort()]
    assert len({*seeds, *held_out, *shown}) == len(seeds) + len(held_out) + len(shown)
    assert draw_patient(shown[0]) != draw_patient(seeds[0])
