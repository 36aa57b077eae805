"""The scripts for SLURM, submitted by an ordinary user to a real SLURM, in a real image."""

import json
import time
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def predicted(site) -> Path:
    """The results of slurm_predict.sh."""
    root = site.user.folder / "one job, with: a comma"
    before = snapshot(site.dicom)
    job = site.sbatch("slurm_predict.sh", **site.variables(root))
    site.cluster.wait_for(job)
    text = (site.user.folder / f"ich-predict_{job}.log").read_text()
    assert site.cluster.states(job) == {job: "COMPLETED"}, text
    assert snapshot(site.dicom) == before
    return root


def test_one_job_scores_a_folder(site, predicted):
    content = report(predicted)
    assert content["series_by_state"]["done"] == 5
    assert content["input"] == [str(site.dicom)]
    uid = site.user.ids["user"]
    assert {path.stat().st_uid for path in predicted.rglob("*")} == {uid}
    # Its Dagster home and every other temporary file are gone; nothing went to the user's home.
    assert list(Path("/tmp").glob("ich-????????")) == []
    assert not (site.user.folder / "home" / ".dagster").exists()
    assert not (site.user.folder / "home" / ".cache").exists()


def test_an_array_gives_the_same_bytes_though_a_task_was_killed(site, predicted):
    root = site.user.folder / "array, of: three"
    variables = site.variables(root, SHARDS="3", CPU_PARTITION="cpu", GPU_OPTIONS="--mem=4G")
    jobs = site.array(**variables)
    array, shards = jobs["shards"], root / "state" / "shards"
    victim = f"{array}_0"
    begun = {0: None, 1: None}
    end = time.monotonic() + 200
    while None in begun.values():  # in the middle: its first series has begun
        assert time.monotonic() < end, site.cluster.ask("squeue")
        time.sleep(0.1)
        for number in [n for n, moment in begun.items() if moment is None]:
            if not (shards / f"{number}.json").exists() or not (shards / "plan.json").exists():
                continue
            uids = json.loads((shards / f"{number}.json").read_text())
            records = [root / "state" / "series" / uid / "processed_series.json" for uid in uids]
            if any(path.exists() for path in records):
                begun[number] = uids
                if number == 0:
                    site.cluster.ask("scancel", "--signal=KILL", "--full", victim)
                else:
                    site.cluster.ask("scontrol", "requeue", f"{array}_1")
                    site.cluster.ask("scontrol", "update", f"JobId={array}_1", "StartTime=now")
    site.cluster.wait_for(array, jobs["collect"])
    print(site.cluster.ask("sacct", "-D", "-X", "-P", "-o", "JobID,State,Submit,Start,End"))
    states = site.cluster.states(array)
    assert states[victim] in ("FAILED", "CANCELLED")
    assert {states[f"{array}_1"], states[f"{array}_2"]} == {"COMPLETED"}
    assert sorted(path.name for path in shards.glob("*.done.json")) == [
        "1.done.json",
        "2.done.json",
    ]
    # The collector has named what is missing, and how to run only that.
    assert site.cluster.states(jobs["collect"])[jobs["collect"]] == "FAILED"
    text = (root / "logs" / f"collect_{jobs['collect']}.log").read_text()
    assert (shards / "missing.txt").read_text() == "0\n"
    assert "in the shards 0" in text
    assert "slurm_array.sh --missing" in text
    assert any(uid in text for uid in begun[0])

    untouched = snapshot(root / "processed" / "png")
    again = site.array("--missing", **variables)
    site.cluster.wait_for(*again.values())
    text = (root / "logs" / f"shard_0_{again['shards']}.log").read_text()
    assert site.cluster.states(again["shards"]) == {f"{again['shards']}_0": "COMPLETED"}, text
    assert site.cluster.states(again["collect"]) == {again["collect"]: "COMPLETED"}
    assert not (shards / "missing.txt").exists()
    assert results(root) == results(predicted)
    assert report(root) == report(predicted)
    done = [name for name in untouched if any(s in name for s in ("processed",))]
    assert {n: untouched[n] for n in done}.items() <= snapshot(root / "processed" / "png").items()
    assert (
        "nothing is missing"
        in site.user.run(
            *("bash", "-c", 'exec bash "$PROJECT_DIR/singularity/slurm_array.sh" --missing'),
            **variables,
            PROJECT_DIR=str(Path(__file__).parents[3]),
        ).stdout
    )
