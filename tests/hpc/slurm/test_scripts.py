"""The scripts for SLURM, submitted by an ordinary user to a real SLURM, in a real image."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from live import ROOT
from user_python import write_user_venv

pytestmark = [pytest.mark.hpc, pytest.mark.slow]


def results(root: Path) -> dict[str, bytes]:
    """Every file to take away, the report apart."""
    files = [p for part in ("output", "processed") for p in (root / part).rglob("*")]
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(files)
        if path.is_file() and path.name != "run_report.json"
    }


def report(root: Path) -> dict:
    """The report without what says when, how long and from where."""
    content = json.loads((root / "output" / "run_report.json").read_text())
    del content["seconds"]
    for series in content["series"]:
        del series["seconds"]
    return content


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def temporary(site) -> list[Path]:
    """The folders of tasks: gone when a task ends, unless it was killed outright."""
    uid = site.user.ids["user"]
    return [path for path in Path("/tmp").glob("ich-*") if path.stat().st_uid == uid]


@pytest.fixture(scope="module")
def predicted(site) -> Path:
    """The results of slurm_predict.sh."""
    root = site.user.folder / "one job, with: a comma"
    before, left = snapshot(site.dicom), temporary(site)
    job = site.sbatch("slurm_predict.sh", **site.variables(root))
    site.cluster.wait_for(job)
    text = (site.user.folder / f"ich-predict_{job}.log").read_text()
    assert site.cluster.states(job) == {job: "COMPLETED"}, text
    assert snapshot(site.dicom) == before
    assert temporary(site) == left
    return root


def test_one_job_scores_a_folder(site, predicted):
    content = report(predicted)
    assert content["series_by_state"]["done"] == 5
    assert content["input"] == [str(site.dicom)]
    uid = site.user.ids["user"]
    assert {path.stat().st_uid for path in predicted.rglob("*")} == {uid}


def test_a_folder_is_prepared_without_a_gpu_and_without_a_container(site):
    venv = write_user_venv(site.user.folder / "plain venv")
    root = site.user.folder / "prepared"
    variables = site.variables(root, SHARDS="2", DECODE="1", VENV=str(venv), PYTHONPATH=str(ROOT))
    job = site.sbatch("slurm_prepare.sh", **variables)
    site.cluster.wait_for(job)
    text = (site.user.folder / f"ich-prepare_{job}.log").read_text()
    assert site.cluster.states(job) == {job: "COMPLETED"}, text
    assert "Shards: 2, of 2 to 3 series" in text
    assert len(list(root.glob("state/series/*/processed_series.json"))) == 5


def test_a_module_is_loaded_where_the_shell_of_submission_has_none(site):
    modules = site.user.folder / "modules" / "singularity"
    modules.mkdir(parents=True)
    (modules / "4").write_text("#%Module\nprepend-path PATH /opt/from-the-module\n")
    # It ends before the container: the device is none.
    script = "\n".join(
        ["#!/bin/bash", "set -euo pipefail", f". {ROOT}/singularity/common.sh", "load_module"]
    )
    (site.user.folder / "module.sh").write_text(script + '\necho "PATH is $PATH"\n')
    for name, state, line in (
        ("singularity/4", "COMPLETED", "PATH is /opt/from-the-module:"),
        ("singularity/5", "FAILED", "ich: module load singularity/5 failed"),
    ):
        variables = {"SINGULARITY_MODULE": name, "MODULEPATH": str(modules.parent)}
        slurm = {"SLURM_CONF": site.cluster.environment["SLURM_CONF"]}
        command = ("sbatch", "--parsable", "--export=ALL", "module.sh")
        job = site.user.run(*command, **variables, **slurm).stdout.strip()
        site.cluster.wait_for(job)
        assert site.cluster.states(job) == {job: state}
        assert line in (site.user.folder / f"slurm-{job}.out").read_text()


def test_a_job_says_what_it_lacks(site):
    root = site.user.folder / "nothing here"
    # SLURM runs a copy of the script: without PROJECT_DIR, submitted from elsewhere, it is lost.
    job = site.sbatch("slurm_predict.sh", **site.variables(root), PROJECT_DIR="")
    site.cluster.wait_for(job)
    text = (site.user.folder / f"ich-predict_{job}.log").read_text()
    assert "submit from the project folder, or set PROJECT_DIR to it" in text
    assert site.cluster.states(job) == {job: "FAILED"}
    assert not root.exists()


@pytest.mark.parametrize(
    ("script", "changed", "line"),
    [
        ("predict", {"DICOM_INPUT": ""}, "DICOM_INPUT is not set: the folder of DICOM files"),
        ("predict", {"DICOM_INPUT": "/no/such"}, "DICOM_INPUT is no folder here: /no/such"),
        ("predict", {"RUN_ROOT": ""}, "RUN_ROOT is not set"),
        ("predict", {"RUN_ROOT": "/proc/here"}, "RUN_ROOT cannot be made"),
        ("predict", {"MODEL_DIR": "/no/such"}, "MODEL_DIR is no folder here"),
        ("predict", {"RUN_CONFIG": "/no/such"}, "RUN_CONFIG cannot be read"),
        ("predict", {"SIF_IMAGE": "/no/such.sif"}, "build_container.sh"),
        ("predict", {"VENV": "/no/such"}, "VENV has no bin/dagster"),
        ("predict", {"DEVICE": ""}, "this job was given no GPU"),
        ("predict", {"DEVICE": "cpu, id: 1"}, "choose auto, cpu, cuda or cuda:0"),
        ("prepare", {"SHARDS": "0"}, "SHARDS is 0"),
        ("prepare", {"DECODE": "yes"}, "DECODE is yes"),
        ("shard", {}, "this is a task of slurm_array.sh"),
        ("array", {}, "SHARDS is not set"),
        ("array", {"SHARDS": "2 --wrap=id"}, "SHARDS is not set"),
    ],
)
def test_a_variable_that_is_wrong_is_named(site, script, changed, line):
    project = {"PROJECT_DIR": str(ROOT)}
    variables = site.variables(site.user.folder / "wrong") | project | changed
    path = str(ROOT / "singularity" / f"slurm_{script}.sh")
    done = site.user.run("bash", path, check=False, **variables)
    assert (done.returncode, done.stdout.count("Submitted")) == (2, 0), done.stderr
    assert line in done.stderr


def test_no_job_stays_if_another_is_refused(site):
    variables = site.variables(site.user.folder / "refused", SHARDS="2", GPU_PARTITION="none")
    script = str(ROOT / "singularity" / "slurm_array.sh")
    done = site.user.run("bash", script, check=False, **variables)
    assert done.returncode == 2
    assert "invalid partition" in done.stderr
    (prepare,) = [line.split()[2] for line in done.stdout.splitlines()]
    assert site.cluster.states(prepare) == {prepare: "CANCELLED"}


def test_a_folder_that_cannot_be_prepared_fails_to_the_end(site):
    (site.user.folder / "no models").mkdir()
    site.user.owns(site.user.folder / "no models")
    root = site.user.folder / "unprepared"
    models = str(site.user.folder / "no models")
    jobs = site.array(**site.variables(root, SHARDS="2") | {"MODEL_DIR": models})
    site.cluster.wait_for(*jobs.values())
    assert site.cluster.states(jobs["prepare"]) == {jobs["prepare"]: "FAILED"}
    assert set(site.cluster.states(jobs["shards"]).values()) == {"CANCELLED"}
    assert site.cluster.states(jobs["collect"]) == {jobs["collect"]: "FAILED"}
    assert "2DNet" in (root / "logs" / f"prepare_{jobs['prepare']}.log").read_text()
    collected = (root / "logs" / f"collect_{jobs['collect']}.log").read_text()
    assert "run the job ich_prepare again" in collected, collected


def shard(root: Path, number: int) -> list[str]:
    """Return the series of a shard, once there is a plan."""
    folder = root / "state" / "shards"
    if not (folder / "plan.json").exists():
        return []
    return json.loads((folder / f"{number}.json").read_text())


def begun(root: Path, number: int) -> bool:
    """Whether the first series of a shard has been begun."""
    state = root / "state" / "series"
    return any((state / uid / "processed_series.json").exists() for uid in shard(root, number))


def soon(moment: Callable[[], object], seconds: float = 200) -> None:
    """Wait for a moment that must not be missed."""
    end = time.monotonic() + seconds
    while not moment():
        assert time.monotonic() < end
        time.sleep(0.05)


def looked_after(job: str) -> bool:
    """Whether the process lives with which SLURM looks after a job."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # gone, or a zombie
            if process.cmdline()[:1] == [f"slurmstepd: [{job}.batch]"]:
                return True
    return False


def test_an_array_gives_the_same_bytes_though_a_task_was_killed(site, predicted):
    root, ask = site.user.folder / "array, of: three", site.cluster.ask
    variables = site.variables(root, SHARDS="3", CPU_PARTITION="cpu", GPU_OPTIONS="--mem=4G")
    jobs = site.array(**variables)
    array, collect = jobs["shards"], jobs["collect"]
    soon(lambda: begun(root, 0))
    ask("scancel", "--signal=KILL", "--full", f"{array}_0")
    soon(lambda: begun(root, 1))
    ask("scontrol", "requeue", f"{array}_1")
    # SLURM lets a requeued task wait for two minutes, since its first copy may still be ending.
    job = ask("scontrol", "show", "job", f"{array}_1").partition("JobId=")[2].split()[0]
    soon(lambda: ask("squeue", "-h", "-t", "PENDING", "-o", "%T", "-j", f"{array}_1"))
    soon(lambda: not looked_after(job))
    ask("scontrol", "update", f"JobId={array}_1", "StartTime=now")
    site.cluster.wait_for(array, collect)
    assert "REQUEUED" in ask("sacct", "-n", "-D", "-X", "-o", "State", "-j", f"{array}_1")
    states = site.cluster.states(array)
    assert states.pop(f"{array}_0") in ("FAILED", "CANCELLED")
    text = "".join(path.read_text() for path in (root / "logs").glob("shard_[12]_*.log"))
    assert states == {f"{array}_1": "COMPLETED", f"{array}_2": "COMPLETED"}, text
    shards = root / "state" / "shards"
    markers = [(shards / f"{number}.done.json").exists() for number in range(3)]
    assert markers == [False, True, True]
    # The collector has named what is missing, and how to run only that.
    assert site.cluster.states(collect) == {collect: "FAILED"}
    text = (root / "logs" / f"collect_{collect}.log").read_text()
    assert (shards / "missing.txt").read_text() == "0\n"
    assert "in the shards 0" in text
    assert "slurm_array.sh --missing" in text
    assert any(f"series {uid} waiting" in text for uid in shard(root, 0))

    panels = root / "output" / "saliency_panels"
    others = [panels / uid for number in (1, 2) for uid in shard(root, number)]
    before = [snapshot(folder) for folder in others]
    again = site.array("--missing", **variables)
    site.cluster.wait_for(*again.values())
    text = (root / "logs" / f"shard_0_{again['shards']}.log").read_text()
    assert site.cluster.states(again["shards"]) == {f"{again['shards']}_0": "COMPLETED"}, text
    assert site.cluster.states(again["collect"]) == {again["collect"]: "COMPLETED"}
    assert [snapshot(folder) for folder in others] == before
    assert results(root) == results(predicted)
    assert report(root) == report(predicted)
    assert not (shards / "missing.txt").exists()
    assert site.array("--missing", **variables) == {}
