"""The scripts for SLURM, submitted by an ordinary user to a real SLURM, in a real image."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from live import ROOT
from page_commands import blocks
from taken_away import report, results
from user_python import write_user_venv

from ich_resources.demo.study import write_series

pytestmark = [pytest.mark.hpc, pytest.mark.slow]

ARRAY = str(ROOT / "singularity" / "slurm_array.sh")


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


def test_one_job_scores_a_folder(site, predicted, direct):
    assert results(predicted) == results(direct)
    content = report(predicted)
    assert content | {"versions": {}} == report(direct) | {"versions": {}}  # two Pythons
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
    # A site's own file whose last command is false: it must not end a script that has `set -e`.
    init = modules.parent / "home" / "init"
    init.mkdir(parents=True)
    (init / "bash").write_text(". /usr/share/modules/init/bash\nfalse\n")
    home = {"MODULESHOME": str(init.parent)}
    for name, more, state, line in (
        ("singularity/4", {}, "COMPLETED", "PATH is /opt/from-the-module:"),
        ("singularity/4", home, "COMPLETED", "PATH is /opt/from-the-module:"),
        ("singularity/5", {}, "FAILED", "ich: module load singularity/5 failed"),
    ):
        variables = {"SINGULARITY_MODULE": name, "MODULEPATH": str(modules.parent), **more}
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
    assert "submit this script from the project folder, or set PROJECT_DIR" in text
    assert site.cluster.states(job) == {job: "FAILED"}
    assert not root.exists()


@pytest.mark.parametrize(
    ("script", "changed", "line"),
    [
        ("predict", {"DICOM_INPUT": ""}, "DICOM_INPUT is not set: set it to the folder of DICOM"),
        (
            "predict",
            {"DICOM_INPUT": "/no/such"},
            "DICOM_INPUT is not a folder on this machine: /no/such",
        ),
        ("predict", {"RUN_ROOT": ""}, "RUN_ROOT is not set"),
        ("predict", {"RUN_ROOT": "/proc/here"}, "cannot create RUN_ROOT /proc/here"),
        ("predict", {"MODEL_DIR": "/no/such"}, "MODEL_DIR is not a folder on this machine"),
        ("predict", {"RUN_CONFIG": "/no/such"}, "cannot read RUN_CONFIG /no/such"),
        ("predict", {"SIF_IMAGE": "/no/such.sif"}, "build_container.sh"),
        ("predict", {"VENV": "/no/such"}, "VENV has no bin/dagster"),
        ("predict", {"DEVICE": ""}, "SLURM gave this job no GPU"),
        ("predict", {"DEVICE": "cpu, id: 1"}, "choose auto, cpu, cuda or cuda:0"),
        ("prepare", {"SHARDS": "0"}, "SHARDS is 0"),
        ("prepare", {"DECODE": "yes"}, "DECODE is yes"),
        ("shard", {}, "this script is a task of slurm_array.sh"),
        ("array", {}, "SHARDS is not a whole number"),
        ("array", {"SHARDS": "2 --wrap=id"}, "SHARDS is not a whole number"),
        ("array", {"SHARDS": "2", "RESUBMIT": "often"}, "RESUBMIT is often"),
        ("collect", {"RESUBMIT": "-1"}, "RESUBMIT is -1"),
    ],
)
def test_a_variable_that_is_wrong_is_named(site, script, changed, line):
    project = {"PROJECT_DIR": str(ROOT)}
    variables = site.variables(site.user.folder / "wrong") | project | changed
    path = str(ROOT / "singularity" / f"slurm_{script}.sh")
    done = site.user.run("bash", path, check=False, **variables)
    assert (done.returncode, done.stdout.count("Submitted")) == (2, 0), done.stderr
    assert line in done.stderr


@pytest.mark.parametrize("name", ["RUN_ROOT", "CACHE_DIR"])
@pytest.mark.parametrize("script", ["predict", "array"])
def test_nothing_is_made_inside_the_input(site, script, name):
    root = site.user.folder / f"apart {script} {name}"
    link = site.user.folder / f"link {script} {name}"
    link.symlink_to(site.dicom)
    before = sorted(site.dicom.rglob("*"))
    for inside in (site.dicom, site.dicom / "made" / "here", link / "made"):
        variables = site.variables(root, SHARDS="2", PROJECT_DIR=str(ROOT), **{name: str(inside)})
        path = str(ROOT / "singularity" / f"slurm_{script}.sh")
        done = site.user.run("bash", path, check=False, **variables)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert f"{name} is inside DICOM_INPUT, where nothing is written" in done.stderr
    assert sorted(site.dicom.rglob("*")) == before
    assert not root.exists()


def test_no_job_stays_if_another_is_refused(site):
    variables = site.variables(site.user.folder / "refused", SHARDS="2", GPU_PARTITION="none")
    done = site.user.run("bash", ARRAY, check=False, **variables)
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


def soon(moment: Callable[[], object], seconds: float = 600) -> None:
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


def last_jobs(root: Path) -> list[str]:
    """The jobs that were submitted last, the array and the collector at the end."""
    return (root / "state" / "shards" / "jobs.txt").read_text().strip().split(",")


def collected(root: Path, job: str) -> str:
    """What a collector has said."""
    return (root / "logs" / f"collect_{job}.log").read_text()


def test_an_array_gives_the_same_bytes_though_a_task_was_killed(site, predicted, direct):
    """The killed task is found and submitted again, alone, and nobody has to do anything."""
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
    # While it is COMPLETING, a new copy may get the exit status of the first.
    soon(lambda: ask("squeue", "-h", "-o", "%T", "-j", f"{array}_1") == "PENDING")
    soon(lambda: not looked_after(job))
    ask("scontrol", "update", f"JobId={array}_1", "StartTime=now")
    site.cluster.wait_for(array)
    panels = root / "output" / "saliency_panels"
    others = [panels / uid for number in (1, 2) for uid in shard(root, number)]
    before = [snapshot(folder) for folder in others]
    shards = root / "state" / "shards"
    markers = [(shards / f"{number}.done.json").exists() for number in range(3)]
    states = site.cluster.states(array, 0, 1, 2)
    soon(lambda: "REQUEUED" in ask("sacct", "-nDX", "-o", "State", "-j", f"{array}_1"))
    assert states.pop(f"{array}_0") in ("FAILED", "CANCELLED")
    text = "".join(path.read_text() for path in (root / "logs").glob("shard_[12]_*.log"))
    assert states == {f"{array}_1": "COMPLETED", f"{array}_2": "COMPLETED"}, text
    assert markers == [False, True, True]
    # The collector names what is missing, and submits that and another collector.
    site.cluster.wait_for(collect)
    assert site.cluster.states(collect) == {collect: "FAILED"}
    text = collected(root, collect)
    assert "in the shards 0" in text
    assert any(f"series {uid} waiting" in text for uid in shard(root, 0))
    again, last = last_jobs(root)
    assert f"shards   job {again} (0)" in text
    assert "slurm_array.sh --missing" not in text
    site.cluster.wait_for(again, last)
    text = (root / "logs" / f"shard_0_{again}.log").read_text()
    assert site.cluster.states(again, 0) == {f"{again}_0": "COMPLETED"}, text
    assert site.cluster.states(last) == {last: "COMPLETED"}
    assert [snapshot(folder) for folder in others] == before
    assert results(root) == results(predicted) == results(direct)
    assert report(root) == report(predicted)
    assert not (shards / "missing.txt").exists()
    assert site.array("--missing", **variables) == {}


def kill_task(site, root: Path, array: str) -> None:
    """Kill the first task of an array as soon as it is at work."""
    log = root / "logs" / f"shard_0_{array}.log"
    soon(lambda: log.exists() and "ich: ich_shard on" in log.read_text())
    site.cluster.ask("scancel", "--signal=KILL", "--full", f"{array}_0")


def test_a_shard_that_dies_each_time_ends_with_a_collector_that_names_it(site):
    """And people can go on from there, though the next collector dies as well."""
    root, ask = site.user.folder / "dying", site.cluster.ask
    dicom = site.user.folder / "two series"
    for name in ("one", "two"):
        write_series(dicom / name, name=name, slices=8, bleed=False, size=64)
    variables = site.variables(root, SHARDS="2", RESUBMIT="1") | {"DICOM_INPUT": str(dicom)}
    jobs = site.array(**variables)
    for arguments in ([], ["--missing"], ["--shards", "0"]):
        done = site.user.run("bash", ARRAY, *arguments, check=False, **variables)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert f"wait or run: {','.join(jobs.values())}. " in done.stderr
    assert last_jobs(root) == list(jobs.values())
    kill_task(site, root, jobs["shards"])
    soon(lambda: len(last_jobs(root)) == 2)  # submitted by the collector
    array, collect = last_jobs(root)
    kill_task(site, root, array)
    site.cluster.wait_for(array, collect)
    assert set(site.cluster.states(array, 0).values()) <= {"FAILED", "CANCELLED"}
    for job in (jobs["collect"], collect):
        assert site.cluster.states(job) == {job: "FAILED"}
    text = collected(root, collect)
    assert "in the shards 0" in text
    assert "not submitted again: RESUBMIT is 0 or used up" in text
    assert "slurm_array.sh --missing" in text
    assert last_jobs(root) == [array, collect]
    # On a node that may not submit the collector says so.
    elsewhere = variables | {"SLURM_CONF": "/no/such", "PROJECT_DIR": str(ROOT)}
    script = str(ROOT / "singularity" / "slurm_collect.sh")
    done = site.user.run("bash", script, check=False, **elsewhere)
    assert done.returncode == 1
    assert "this node could not submit the missing shards" in done.stderr
    assert "slurm_array.sh --missing" in done.stderr

    (typed,) = [block for block in blocks("slurm.md") if block.endswith("--missing\n")]
    done = site.user.run("bash", "-c", f"cd '{ROOT}'\n{typed}", **variables)
    array, collect = last_jobs(root)
    assert f"shards   job {array} (0)" in done.stdout
    ask("scancel", collect)
    site.cluster.wait_for(array, collect)
    assert site.cluster.states(array, 0) == {f"{array}_0": "COMPLETED"}
    assert site.cluster.states(collect) == {collect: "CANCELLED"}
    alone = site.array("--missing", **variables)
    assert list(alone) == ["collect"]
    site.cluster.wait_for(alone["collect"])
    text = collected(root, alone["collect"])
    assert site.cluster.states(alone["collect"]) == {alone["collect"]: "COMPLETED"}, text
    assert report(root)["series_by_state"]["done"] == 2
    assert site.user.run("bash", ARRAY, "--missing", **variables).stdout == "no shard is missing\n"
