"""Runs inside a batch: what another Dagster instance has made is shown, not made again."""

import shutil

import dagster as dg
import pytest
from workplace import CONFIG, HOME_YAML, Workplace

from ich_resources.steps import ENSEMBLE, SALIENCY

pytestmark = pytest.mark.slow


def test_a_new_dagster_home_learns_of_finished_results(finished_demo, tmp_path, stand_in_models):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    place = Workplace(tmp_path, stand_in_models, {"DAGSTER_HOME": str(home)})
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    shutil.copytree(finished_demo.place.results, place.results)
    done = place.batch()
    assert done.status == 0, done.text
    assert "Loading networks" not in done.text
    both = {finished_demo.study.bleed_series, finished_demo.study.plain_series}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for step in (ENSEMBLE, SALIENCY):
            assert instance.get_materialized_partitions(dg.AssetKey(step)) == both
        assert set(instance.get_dynamic_partitions("series")) == both


def test_each_series_has_a_run_of_its_own_under_the_batch(finished_demo):
    with dg.DagsterInstance.from_config(
        finished_demo.place.environment["DAGSTER_HOME"]
    ) as instance:
        batch = instance.get_runs(dg.RunsFilter(job_name="ich_batch"))[-1]
        runs = instance.get_runs(
            dg.RunsFilter(job_name="ich_series", tags={"ich/batch": batch.run_id})
        )
        assert {run.tags["dagster/partition"] for run in runs} == {
            finished_demo.study.bleed_series,
            finished_demo.study.plain_series,
        }
        assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in runs)


def test_a_series_that_another_process_has_finished_runs_no_step(
    demo_copy, finished_demo, tmp_path
):
    """Nor does one whose partition is gone end those after it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    place = demo_copy
    place.environment["DAGSTER_HOME"] = str(home)
    uid = finished_demo.study.bleed_series
    (place.results / "state" / "series" / uid / "saliency_panels.json").unlink()
    # One twice: the second time there is nothing left. And no partition was ever made.
    config = f"ops: {{arrived_series: {{config: {{series: {[uid, uid]}}}}}}}\n" + CONFIG
    done = place.execute("ich_backlog", config)
    assert done.status == 0, done.text
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = instance.get_runs(dg.RunsFilter(job_name="ich_series"))
        assert len(runs) == 1
        made = instance.fetch_materializations(dg.AssetKey(SALIENCY), limit=9).records
        assert [r.asset_materialization.partition for r in made] == [uid]
