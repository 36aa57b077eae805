"""A run of several series: one process, and what it leaves where it ends early."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import yaml
from ledgers import scan
from workplace import CONFIG

from ich_assets.current_tables import write_current
from ich_assets.definitions import defs
from ich_assets.jobs.backlog import _why_stop
from ich_assets.jobs.scoring import Progress
from ich_assets.sensors.settling import Settling
from ich_resources.arrivals import Arrival
from ich_resources.demo.study import uid, write_series
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.lifecycle import requested
from ich_resources.storage.failures import UNCHECKED
from ich_resources.storage.ledger import find_series, write_arrivals
from ich_resources.storage.resource import HANG, StorageResource
from ich_resources.subjects import series_subject
from ich_resources.tags import BATCH_TAG, HANG_TAG
from ich_resources.watch import EXIT_STATUS

NAMES = ("one", "two")


class Site:
    """Two small series that were judged, the folders of a site, and its Dagster home."""

    def __init__(self, root: Path, models: Path) -> None:
        self.root, self.models = root, models
        for name in NAMES:
            write_series(root / "inbox" / name, name=name, slices=3, bleed=True, size=64, study="s")
        self.series = [uid("s", name) for name in NAMES]
        self.storage = StorageResource(run_root=str(root / "results"))
        write_arrivals(self.storage.layout, scan(root / "inbox"))
        self.home = root / "home"
        self.home.mkdir()

    def config(self) -> dict:
        resources = yaml.safe_load(CONFIG)["resources"]
        resources["networks"]["config"]["model_dir"] = str(self.models)
        # One network, in the back end that needs no conversion, is enough here.
        resources["networks"]["config"] |= {
            "backend": "pytorch",
            "backbones": ["DenseNet121_change_avg"],
        }
        resources["storage"] = {"config": {"run_root": str(self.root / "results")}}
        resources["dicom"] = {"config": {"input_dir": str(self.root / "inbox")}}
        ops = {"arrived_series": {"config": {"series": self.series}}}
        return {"resources": resources, "ops": ops}

    def run(self, instance: dg.DagsterInstance) -> dg.DagsterRun:
        """Run both series in this process, as the sensor requests them."""
        result = defs.resolve_job_def("ich_backlog").execute_in_process(
            instance=instance,
            run_config=self.config(),
            raise_on_error=False,
            tags={"ich/offer": "r", HANG_TAG: "600"},
        )
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        return run

    def settle(self, instance: dg.DagsterInstance) -> tuple[list[Arrival], Settling]:
        """Let the sensor look at the run; return the series and what it learned."""
        with InboxIndex.open(self.root / "index") as index:
            index.record_requests(
                [
                    requested(Arrival(s, "s", state="admitted", version=self.version(s)), "r")
                    for s in self.series
                ]
            )
            settling = Settling(instance, index, self.storage)
            settling.settle()
            return [index.arrival(s) for s in self.series], settling

    def version(self, series: str) -> str:
        return find_series(self.storage.layout, series).version


@pytest.fixture
def site(tmp_path: Path, stand_in_models: Path) -> Site:
    return Site(tmp_path, stand_in_models)


@pytest.mark.slow
def test_both_series_are_done_in_one_process_and_inner_runs_take_no_place(site):
    layout = site.storage.layout
    with InboxIndex.open(layout.inbox_index) as index:
        index.upsert([Arrival("1.2", "1.1", state="admitted", version="v")])
    with dg.DagsterInstance.local_temp(str(site.home)) as instance:
        outer = site.run(instance)
        # Another series is due: the run goes on to it, and the tables over series follow alone.
        assert not (layout.output / "predictions.csv").exists()
        write_current(layout, None)
        ranking = pd.read_csv(layout.output / "predictions_per_series.csv", dtype=str)
        assert (
            ranking["rank"].to_list() == ["1", "2"] and ranking["lowest_checkpoint"].notna().all()
        )
        data = layout.worklist.read_text().partition('id="data">')[2].partition("</script>")[0]
        assert set(json.loads(data)["pictures"]) == set(site.series)
        assert outer.status == dg.DagsterRunStatus.SUCCESS
        assert outer.run_op_concurrency.all_pools == {"gpu"}
        inner = instance.get_runs(dg.RunsFilter(tags={BATCH_TAG: outer.run_id}))
        scored = [run for run in inner if run.job_name == "ich_series"]
        assert len(scored) == 2
        assert [run.run_op_concurrency for run in inner] == [None] * len(inner)
        assert {run.tags.get(HANG_TAG) for run in scored} == {"600"}
        arrivals, settling = site.settle(instance)
    assert [a.state for a in arrivals] == ["done", "done"]
    assert settling.progress and not settling.faults
    assert [outcome.scored for outcome in settling.scored] == [3, 3]


@pytest.mark.slow
def test_checkpoints_that_are_away_make_no_series_fail(site, tmp_path):
    site.models = tmp_path / "away"
    with dg.DagsterInstance.local_temp(str(site.home)) as instance:
        assert site.run(instance).status == dg.DagsterRunStatus.FAILURE
        arrivals, settling = site.settle(instance)
    assert [a.phase() for a in arrivals] == ["due", "due"]
    assert [a.attempts for a in arrivals] == [0, 0]
    assert {fault.code for fault in settling.faults} == {"RUN"}
    assert "checkpoint missing" in settling.faults[0].sentence


@pytest.mark.slow
def test_a_run_that_hangs_ends_itself_and_counts_for_the_series_it_was_at_work_on(site):
    config = site.config()
    # A series of a bite is at work for longer than this while its networks load and run.
    code = (
        "import sys, json, dagster as dg\n"
        "from ich_assets.definitions import defs\n"
        "with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:\n"
        "    defs.resolve_job_def('ich_backlog').execute_in_process(instance=instance,\n"
        "        run_config=json.loads(sys.argv[2]), tags={'ich/offer': 'r', sys.argv[3]: '0.2'})\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(site.home), json.dumps(config), HANG_TAG],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == EXIT_STATUS, done.stderr[-2000:]
    note = site.storage.records.failures.find(series_subject(site.series[0]))
    assert (note.step, note.code) == (UNCHECKED, HANG)
    with dg.DagsterInstance.local_temp(str(site.home)) as instance:
        (outer,) = instance.get_runs(dg.RunsFilter(job_name="ich_backlog"))
        instance.report_run_failed(outer)  # as dead_runs does
        arrivals, settling = site.settle(instance)
        assert [(a.phase(), a.attempts) for a in arrivals] == [("due", 1), ("due", 0)]
        assert not settling.faults
        # Again, with time enough: both are done, and the checks that were missed are made.
        shutil.rmtree(site.root / "index", ignore_errors=True)
        (site.root / "index").unlink(missing_ok=True)
        instance.delete_run(outer.run_id)
        assert site.run(instance).status == dg.DagsterRunStatus.SUCCESS
        arrivals, _ = site.settle(instance)
    assert [a.state for a in arrivals] == ["done", "done"]


@pytest.mark.parametrize(
    ("end", "progress", "stops"),
    [
        ("", Progress(30, 60.0, 30, ""), ""),
        ("", Progress(30, 60.0, 30, "the disk is full"), "the disk is full"),
        ("100000000000", Progress(30, 60.0, 30, ""), ""),
        ("5", Progress(30, 60.0, 30, ""), "the walltime of its SLURM job does not suffice"),
        ("5", Progress(0, 0.0, 30, ""), ""),
        ("soon", Progress(30, 60.0, 30, ""), ""),
    ],
    ids=["no job", "fault", "time enough", "no time", "nothing measured", "odd"],
)
def test_a_run_leaves_series_to_another_run(monkeypatch, end, progress, stops):
    monkeypatch.setenv("SLURM_JOB_END_TIME", end)
    assert _why_stop(progress).startswith(stops)
    assert bool(_why_stop(progress)) == bool(stops)
