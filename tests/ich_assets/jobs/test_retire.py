"""ich_retire: what is old and lies on disk leaves Dagster, and nothing else does."""

import os

import dagster as dg
import pytest

from ich_assets.definitions import defs
from ich_resources.storage.layout import Layout
from ich_resources.subjects import series_subject

pytestmark = pytest.mark.slow


def retire(instance: dg.DagsterInstance, run_root, **config):
    result = defs.resolve_job_def("ich_retire").execute_in_process(
        instance=instance,
        run_config={
            "ops": {"retire_series": {"config": config}},
            "resources": {"storage": {"config": {"run_root": str(run_root)}}},
        },
        raise_on_error=False,
    )
    return result, set(instance.get_dynamic_partitions("series"))


@pytest.fixture
def old(finished_demo, demo_copy):
    """The finished demo, one series of it three days older, and partitions in an instance."""
    study = finished_demo.study
    layout = Layout(demo_copy.results)
    record = layout.record(series_subject(study.plain_series), "saliency_panels")
    os.utime(record, (1_760_000_000, 1_760_000_000))  # 2025-10-09
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(
            "series", [study.plain_series, study.bleed_series, "1.2.3.no.result"]
        )
        yield study, layout, instance


def test_only_old_series_with_results_are_retired_and_their_results_stay(old):
    study, layout, instance = old
    before = {p: p.read_bytes() for p in layout.run_root.rglob("*") if p.is_file()}
    result, left = retire(instance, layout.run_root, before="2025-10-10", dry_run=True)
    assert result.success
    assert study.plain_series in left
    _, left = retire(instance, layout.run_root, before="2025-10-09")
    assert study.plain_series in left  # it was finished on that day, not before it
    _, left = retire(instance, layout.run_root, before="2025-10-10")
    assert left == {study.bleed_series, "1.2.3.no.result"}
    assert {p: p.read_bytes() for p in layout.run_root.rglob("*") if p.is_file()} == before


def test_a_series_whose_files_are_not_whole_stays(old):
    study, layout, instance = old
    panel = next(layout.series_panels(study.plain_series).glob("*.png"))
    panel.write_bytes(b"")
    _, left = retire(instance, layout.run_root, before="2025-10-10")
    assert study.plain_series in left


def test_its_runs_go_too_where_that_is_asked_for(old):
    study, layout, instance = old
    for uid in (study.plain_series, study.bleed_series):
        instance.add_run(
            dg.DagsterRun(
                job_name="ich_series",
                run_id=f"run-{uid[-4:]}",
                tags={"dagster/partition": uid},
                status=dg.DagsterRunStatus.SUCCESS,
            )
        )
    retire(instance, layout.run_root, before="2025-10-10", delete_runs=True)
    left = [run.tags.get("dagster/partition") for run in instance.get_runs()]
    assert study.plain_series not in left
    assert study.bleed_series in left


def test_a_day_that_is_none_is_an_error(old):
    _, layout, instance = old
    result, _ = retire(instance, layout.run_root, before="last week")
    assert not result.success
