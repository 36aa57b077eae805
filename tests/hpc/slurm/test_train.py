"""The scripts of a training, submitted by an ordinary user to a real SLURM, without an image."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from live import ROOT
from slurm_cluster import Cluster, User
from training_root import Amount, TrainingPlace, write_training_root
from user_python import write_user_venv

from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.storage.training_layout import TrainingLayout, fold_subject

pytestmark = [pytest.mark.hpc, pytest.mark.slow]

BACKBONE = next(iter(BACKBONES.values()))
SETTINGS = {
    "training": {
        "init": "random",
        "epochs": 3,
        "input_size": 32,
        "batch_size": 8,
        "schedule": "one_cycle",
        "augment": "mirror",
        "tta": "none",
        "threads": 1,
    },
    "sequence": {"epochs": 2, "batch_size": 4},
    "evaluation": {"bootstrap": 50},
}


def run_config(**training: object) -> str:
    merged = SETTINGS | {"training": SETTINGS["training"] | training}
    return json.dumps({"resources": {name: {"config": value} for name, value in merged.items()}})


@dataclass
class Site:
    """What a user who trains has, and types."""

    cluster: Cluster
    user: User
    root: Path

    @property
    def layout(self) -> TrainingLayout:
        return TrainingLayout(self.root)

    def variables(self, **more: str) -> dict[str, str]:
        return {
            "SLURM_CONF": self.cluster.environment["SLURM_CONF"],
            "TRAIN_ROOT": str(self.root),
            "RUN_CONFIG": str(self.user.folder / "train.yaml"),
            "VENV": str(self.user.folder / "a venv"),
            "PYTHONPATH": str(ROOT),
            "BACKBONES": BACKBONE.asset,
            "DEVICE": "cpu",
            "OMP_NUM_THREADS": "1",
            **more,
        }

    def submit(self, *arguments: str, **more: str) -> dict[str, str]:
        """Run slurm_train.sh; return the number of each job it has submitted."""
        script = str(ROOT / "singularity" / "slurm_train.sh")
        done = self.user.run("bash", script, *arguments, **self.variables(**more))
        lines = [line.split() for line in done.stdout.splitlines()]
        return {words[0]: words[2] for words in lines if words[1:2] == ["job"]}

    def log(self, name: str) -> str:
        return (self.root / "logs" / f"{name}.log").read_text()

    def last_jobs(self) -> list[str]:
        return (self.root / "state" / "tasks" / "jobs.txt").read_text().strip().split(",")


@pytest.fixture(scope="module")
def site(cluster: Cluster, user: User) -> Site:
    root = user.folder / "a training, of: today"
    write_training_root(root, Amount())
    write_user_venv(user.folder / "a venv")
    (user.folder / "train.yaml").write_text(run_config())
    for path in (root, user.folder / "train.yaml", user.folder / "a venv"):
        user.owns(path)
    return Site(cluster, user, root)


def soon(moment: Callable[[], object], seconds: float = 300) -> None:
    """Wait for a moment that must not be missed."""
    end = time.monotonic() + seconds
    while not moment():
        assert time.monotonic() < end
        time.sleep(0.02)


def weights(layout: TrainingLayout, fold: int) -> dict[str, torch.Tensor]:
    path = layout.checkpoint(BACKBONE, fold)
    return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]


def test_an_array_trains_every_fold_though_a_task_was_killed(site, tmp_path):
    """The killed task goes on after its last epoch, and gives the weights of a direct run."""
    ask, layout = site.cluster.ask, site.layout
    jobs = site.submit()
    array, rest = jobs["train"], jobs["rest"]
    last = layout.last(fold_subject(BACKBONE, 0))
    soon(last.exists)
    ask("scancel", "--signal=KILL", "--full", f"{array}_0")
    site.cluster.wait_for(array)
    states = site.cluster.states(array, *range(FOLDS))
    assert states.pop(f"{array}_0") in ("FAILED", "CANCELLED")
    assert set(states.values()) == {"COMPLETED"}, site.log(f"train_1_{array}")
    # The last job names what is missing, and submits that and another last job.
    site.cluster.wait_for(rest)
    assert site.cluster.states(rest) == {rest: "FAILED"}
    text = site.log(f"rest_{rest}")
    assert "no result of the tasks 0;" in text
    again, final = site.last_jobs()
    assert f"train    job {again} (0)" in text
    site.cluster.wait_for(again, final)
    assert site.cluster.states(again, 0) == {f"{again}_0": "COMPLETED"}, site.log(
        f"train_0_{again}"
    )
    assert site.cluster.states(final) == {final: "COMPLETED"}, site.log(f"rest_{final}")
    assert layout.oof_table.exists()
    assert (layout.evaluation / "index.html").exists()
    uid = site.user.ids["user"]
    assert {path.stat().st_uid for path in site.root.rglob("*")} == {uid}

    place = TrainingPlace(tmp_path, tmp_path / "models")
    write_training_root(place.layout.train_root, Amount())
    ops = {
        "train_folds": {"config": {"backbones": [BACKBONE.asset], "folds": [0], "stages": ["2d"]}}
    }
    done = place.execute(
        "ich_train", json.dumps(json.loads(run_config(device="cpu")) | {"ops": ops})
    )
    assert done.status == 0, done.text
    direct, ours = weights(place.layout, 0), weights(layout, 0)
    assert direct.keys() == ours.keys()
    assert all(torch.equal(direct[name], ours[name]) for name in direct)


def without_networks(site: Site, dagster: str) -> Site:
    """A training of which all tasks but the first have ended well, and a stand-in for Dagster."""
    root = site.user.folder / f"stand-in {len(list(site.user.folder.iterdir()))}"
    for name in ("dataset", "state/tasks", "bin"):
        (root / name).mkdir(parents=True)
    (root / "dataset" / "folds.csv").touch()
    for fold in range(1, FOLDS):
        (root / "state" / "tasks" / f"{BACKBONE.asset}_{fold}.done").touch()
    (root / "bin" / "dagster").write_text(dagster)
    (root / "bin" / "dagster").chmod(0o755)
    site.user.owns(root)
    return Site(site.cluster, site.user, root)


def test_slurm_tells_a_task_before_its_time_limit(site):
    """SIGTERM goes to the script alone. It reaches the job, and is not an error of the task."""
    told = "trap 'echo I was told to end; exit 1' TERM\nwhile :; do sleep 0.1; done\n"
    place = without_networks(site, f"#!/bin/bash\n{told}")
    more = {"VENV": str(place.root), "GPU_OPTIONS": "--time=1", "RESUBMIT": "0"}
    jobs = place.submit("--missing", **more)
    place.cluster.wait_for(*jobs.values())
    array = jobs["train"]
    assert place.cluster.states(array, 0) == {f"{array}_0": "FAILED"}  # and not TIMEOUT
    assert "I was told to end" in place.log(f"train_0_{array}")
    text = place.log(f"rest_{jobs['rest']}")
    assert "no result of the tasks 0;" in text
    assert "RESUBMIT is 0 or used up" in text and "slurm_train.sh --missing" in text
    assert not list((place.root / "state" / "tasks").glob("*.errors"))


def test_a_task_that_fails_twice_by_itself_is_not_submitted_again(site):
    place = without_networks(site, "#!/bin/sh\nexit 1\n")
    jobs = place.submit("--missing", VENV=str(place.root))
    place.cluster.wait_for(*jobs.values())
    again, final = place.last_jobs()
    assert again not in jobs.values()
    place.cluster.wait_for(again, final)
    text = place.log(f"rest_{final}")
    assert "a task that has ended with an error twice is not submitted again" in text
    assert "slurm_train.sh --missing" in text
    assert place.last_jobs() == [again, final]


def test_with_labels_a_job_makes_the_data_set_first(site):
    """Every job of the chain, and what each runs; without networks."""
    place = without_networks(site, '#!/bin/sh\necho "runs $*" | cut -d " " -f 1-7\n')
    (place.root / "dicom").mkdir()
    (place.root / "labels, of: today.csv").touch()
    more = {"LABELS": str(place.root / "labels, of: today.csv"), "VENV": str(place.root)}
    jobs = place.submit(DICOM_INPUT=str(place.root / "dicom"), MAX_TASKS="2", **more)
    assert list(jobs) == ["dataset", "train", "rest"]
    place.cluster.wait_for(*jobs.values())
    states = place.cluster.states(jobs["train"], *range(FOLDS))
    assert set(states.values()) == {"COMPLETED"}
    for name, ran in (("dataset", ["ich_dataset"]), ("rest", ["ich_train", "ich_evaluate_oof"])):
        text = place.log(f"{name}_{jobs[name]}")
        assert place.cluster.states(jobs[name]) == {jobs[name]: "COMPLETED"}, text
        assert [line.split()[-1] for line in text.splitlines() if line.startswith("runs ")] == ran
