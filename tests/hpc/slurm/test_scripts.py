"""The scripts for SLURM, submitted by an ordinary user to a real SLURM, in a real image."""

import json
import time
from collections.abc import Callable
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


def test_an_array_gives_the_same_bytes_though_a_task_was_killed(site, predicted):
    root, ask = site.user.folder / "array, of: three", site.cluster.ask
    variables = site.variables(root, SHARDS="3", CPU_PARTITION="cpu", GPU_OPTIONS="--mem=4G")
    jobs = site.array(**variables)
    array, collect = jobs["shards"], jobs["collect"]
    soon(lambda: begun(root, 0))
    ask("scancel", "--signal=KILL", "--full", f"{array}_0")
    soon(lambda: begun(root, 1))
    ask("scontrol", "requeue", f"{array}_1")
    # SLURM lets a requeued task wait for two minutes.
    soon(lambda: ask("squeue", "-h", "-t", "PENDING", "-o", "%T", "-j", f"{array}_1"))
    ask("scontrol", "update", f"JobId={array}_1", "StartTime=now")
    site.cluster.wait_for(array, collect)
    assert "REQUEUED" in ask("sacct", "-n", "-D", "-X", "-o", "State", "-j", f"{array}_1")
    states = site.cluster.states(array)
    assert states.pop(f"{array}_0") in ("FAILED", "CANCELLED")
    assert states == {f"{array}_1": "COMPLETED", f"{array}_2": "COMPLETED"}
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
