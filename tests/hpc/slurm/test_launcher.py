"""Runs launched through the webserver become jobs of a real SLURM, in a real image."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from live import FINISHED, ROOT, Webserver, wait, webserver
from postgres import postgres
from user_python import write_user_venv

from ich_assets.runtime.slurm.runs import cancel_jobs_of_cancelled_runs
from ich_assets.runtime.slurm.tags import JOB_TAG, RUN_TAG
from ich_resources.demo.study import write_series

pytestmark = [pytest.mark.hpc, pytest.mark.slow]

WAITS = {"slurm/gres": "gpu:1"}


@pytest.fixture(scope="module")
def server(site) -> Iterator[Webserver]:
    """The webserver and daemon of an ordinary user: PostgreSQL, and the launcher of conf/."""
    folder = site.user.folder
    home = folder / "dagster_home"
    home.mkdir()
    instance = yaml.safe_load((ROOT / "conf" / "dagster.slurm.yaml").read_text())
    instance["run_monitoring"]["poll_interval_seconds"] = 5
    command = ["singularity", "exec", "--no-home", "--pwd", "/", str(site.sif), "dagster"]
    instance["run_launcher"]["config"] = {
        "options": {"mem": "2G", "cpus-per-task": "1", "time": "00:30:00", "partition": "cpu"},
        "command": command,
        "setup": ["echo the job begins"],
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(instance))
    venv = write_user_venv(folder / "venv")
    site.user.owns(home)
    variables = site.variables(folder / "launched results")
    environment = site.user.environ(
        **variables,
        DAGSTER_HOME=str(home),
        MAX_FOLDS_PER_BACKBONE="1",
        XDG_CACHE_HOME=str(folder / "converted"),
        PYTHONPATH=str(ROOT),
    )
    log = folder / "webserver.log"
    with postgres() as url:
        environment["DAGSTER_POSTGRES_URL"] = url
        python = venv / "bin" / "python"
        with webserver(environment, log, python, **site.user.ids) as running:
            yield running


@pytest.fixture
def become(server) -> Callable[..., None]:
    """Wait until runs have the statuses named."""

    def wait_until(seconds: float = 300, **expected: tuple[str, str]) -> None:
        found: dict[str, str] = {}

        def there() -> bool:
            found.update(server.statuses())
            return all(found[run] == status for run, status in expected.values())

        assert wait(seconds, there), {name: (found[r], s) for name, (r, s) in expected.items()}

    return wait_until


def run_of(server: Webserver, run: str) -> dict:
    return next(found for found in server.runs() if found["runId"] == run)


def said(server: Webserver, run: str) -> str:
    query = """query($run: ID!) { logsForRun(runId: $run) { ... on EventConnection {
        events { __typename ... on MessageEvent { message }
        ... on EngineEvent { error { message } } } } } }"""
    return json.dumps(server.ask(query, run=run))


def job_of(server: Webserver, run: str) -> str:
    assert wait(60, lambda: JOB_TAG in run_of(server, run)["tags"])
    return run_of(server, run)["tags"][JOB_TAG]


def test_runs_end_as_their_jobs_do(site, server, become):
    nowhere = {"resources": {"dicom": {"config": {"input_dir": "/nowhere"}}}}
    good = server.launch("ich_scan", {"slurm/mem": "3G"})
    bad = server.launch("ich_scan", {}, nowhere)
    impossible = server.launch("ich_scan", {"slurm/gres": "gpu:9"})
    forbidden = server.launch("ich_scan", {"slurm/wrap": "id"})
    injected = server.launch("ich_scan", {"slurm/time": "1;touch /tmp/injected"})
    become(
        good=(good, "SUCCESS"),
        bad=(bad, "FAILURE"),
        impossible=(impossible, "FAILURE"),
        forbidden=(forbidden, "FAILURE"),
        injected=(injected, "FAILURE"),
    )
    job = job_of(server, good)
    assert site.cluster.states(job) == {job: "COMPLETED"}
    assert "MinMemoryNode=3G" in site.cluster.ask("scontrol", "show", "job", job)
    log = site.user.folder / "dagster_home" / "slurm" / f"{good}_{job}.log"
    assert log.read_text().startswith("the job begins\n")
    assert log.stat().st_uid == site.user.ids["user"]
    assert (site.user.folder / "launched results" / "output" / "series_ledger.csv").is_file()
    failed = job_of(server, bad)
    assert site.cluster.states(failed) == {failed: "FAILED"}
    assert "node configuration is not available" in said(server, impossible)
    assert "is not an option of SLURM that a run may set" in said(server, forbidden)
    assert "slurm/time cannot be" in said(server, injected)
    assert not Path("/tmp/injected").exists()


def test_runs_that_wait_in_the_queue(site, server, become):
    holder = site.user.run(
        *("sbatch", "--parsable", "--gres=gpu:2", "--wrap=sleep 600", "--output=/dev/null"),
        SLURM_CONF=site.cluster.environment["SLURM_CONF"],
    ).stdout.strip()
    assert wait(60, lambda: site.cluster.ask("squeue", "-h", "-o", "%T", "-j", holder) == "RUNNING")
    patient = server.launch("ich_scan", WAITS)
    cancelled = server.launch("ich_scan", WAITS)
    given_up = server.launch("ich_scan", WAITS)
    jobs = {run: job_of(server, run) for run in (patient, cancelled, given_up)}
    assert {server.statuses()[run] for run in jobs} == {"STARTING"}
    queue = site.cluster.ask("squeue", "-h", "-o", "%i %T")
    assert all(f"{job} PENDING" in queue for job in jobs.values())
    # Cancelled in SLURM, by whomever; and in the UI, where a run that starts ends only by force.
    site.cluster.ask("scancel", jobs[cancelled])
    assert server.terminate(given_up) == "TerminateRunFailure"
    assert server.terminate(given_up, force=True) == "TerminateRunSuccess"
    become(cancelled=(cancelled, "FAILURE"), given_up=(given_up, "CANCELED"))
    assert "CANCELLED" in said(server, cancelled)
    site.cluster.wait_for(jobs[given_up], seconds=180)
    assert site.cluster.states(jobs[given_up]) == {jobs[given_up]: "CANCELLED"}
    assert server.statuses()[patient] == "STARTING"
    site.cluster.ask("scancel", holder)
    become(patient=(patient, "SUCCESS"))


def test_slurm_is_asked_once_about_all_cancelled_runs(cluster, tmp_path, monkeypatch):
    asked, squeue = tmp_path / "asked", tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text(f'#!/bin/sh\necho "$*" >>"{asked}"\nexec /usr/bin/squeue "$@"\n')
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{squeue.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    submit = ["sbatch", "--parsable", "--output=/dev/null", f"--chdir={tmp_path}", "--wrap=true"]
    waiting, over = cluster.ask(*submit, "--hold"), cluster.ask(*submit)
    cluster.wait_for(over)
    launcher = {"module": "ich_assets.runtime.slurm.launcher", "class": "SlurmRunLauncher"}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"run_launcher": launcher}))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        runs = {}
        for job in (over, waiting, "4000000"):  # of the last SLURM knows nothing any more
            run = dg.DagsterRun(job_name="ich_scan", status=dg.DagsterRunStatus.CANCELED)
            runs[job] = run.run_id
            instance.add_run(run.with_tags({JOB_TAG: job, RUN_TAG: run.run_id}))
        assert cancel_jobs_of_cancelled_runs(instance) == [runs[waiting]]
        assert cluster.states(waiting) == {waiting: "CANCELLED"}
        asked.unlink()
        assert cancel_jobs_of_cancelled_runs(instance) == []
    assert len(asked.read_text().splitlines()) == 1


def test_runs_that_are_ended_while_they_run(site, server, become):
    config = yaml.safe_load((site.user.folder / "run.yaml").read_text())
    # So long that a run inside, of one series, is still at it when it has been seen and is ended.
    study = site.user.folder / "long study"
    for name in ("one", "two"):
        write_series(study / name, name=f"long {name}", slices=120, bleed=False, size=64)
    config["resources"]["dicom"] = {"config": {"input_dir": str(study)}}

    def inside(outer: str, status: str = "STARTED") -> list[str]:
        """The runs of a series inside a batch that have a status; others are over in no time."""
        runs = [r for r in server.runs() if r["tags"].get("ich/batch") == outer]
        runs = [r for r in runs if "dagster/partition" in r["tags"]]
        return [r["runId"] for r in runs if r["status"] == status]

    terminated = server.launch("ich_batch", {}, config)
    become(terminated=(terminated, "STARTED"))
    assert wait(120, lambda: inside(terminated))
    assert server.terminate(terminated) == "TerminateRunSuccess"
    become(terminated=(terminated, "CANCELED"), seconds=180)
    site.cluster.wait_for(job_of(server, terminated))
    # One whose job dies without a word: no memory, a lost node.
    killed = server.launch("ich_batch", {}, config)
    job = job_of(server, killed)

    def stopped_inside() -> list[str]:
        """Stop the job, so that what it is at does not end before it is killed."""
        site.cluster.ask("scancel", "--signal=STOP", "--full", job)
        found = inside(killed)
        if not found:
            site.cluster.ask("scancel", "--signal=CONT", "--full", job)
        return found

    assert wait(120, lambda: inside(killed))
    assert wait(60, stopped_inside)
    (inner,) = inside(killed)
    site.cluster.ask("scancel", "--signal=KILL", "--full", job)
    become(killed=(killed, "FAILURE"), inner=(inner, "FAILURE"))
    assert [r for r in server.runs() if r["status"] not in FINISHED] == []
