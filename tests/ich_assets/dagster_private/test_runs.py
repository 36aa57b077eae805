"""What a run says of itself: its tags, its origin, its process, its assets."""

import os

import dagster as dg

from ich_assets.metadata import DATA_VERSION_TAG
from ich_assets.runtime import retries
from ich_assets.runtime.dead_runs import fail_dead_runs


def test_run_tags_of_dagster():
    """Each is a literal text here: see the file behind it."""
    from dagster._core.storage import tags

    assert tags.GRPC_INFO_TAG == ".dagster/grpc_info"  # runtime/dead_runs.py
    assert tags.PARTITION_NAME_TAG == "dagster/partition"  # jobs/retire.py
    assert tags.WILL_RETRY_TAG == "dagster/will_retry"  # sensors/requests.py
    assert tags.RETRY_STRATEGY_TAG == "dagster/retry_strategy"  # jobs/backlog.py
    assert {tags.MAX_RETRIES_TAG} == set(retries.CRASH_RETRIES)  # runtime/retries.py
    assert {tags.MAX_RETRIES_TAG} == set(retries.NO_CRASH_RETRIES)


def test_the_origin_of_a_run(home, run):
    """``runtime/origins.py`` sets it, so that the timeline and the page of the job list the run."""
    from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

    from ich_assets.runtime.origins import REPOSITORY_TAG, name_origin, naming_origins

    assert REPOSITORY_LABEL_TAG == REPOSITORY_TAG
    assert not run(home, "one").dagster_run.remote_job_origin
    outer = run(home, "one").dagster_run
    name_origin(home, outer.run_id)
    named = home.get_run_by_id(outer.run_id)
    assert (named.remote_job_origin.location_name, named.status) == ("ich", outer.status)
    with naming_origins(home, named):
        inner = run(home, "one").dagster_run
    assert inner.remote_job_origin == named.remote_job_origin
    listed = home.get_runs(dg.RunsFilter(tags={REPOSITORY_TAG: "__repository__@ich"}))
    assert {each.run_id for each in listed} == {outer.run_id, inner.run_id}
    assert not run(home, "one").dagster_run.remote_job_origin


def test_the_pool_of_an_op_and_the_parts_of_an_asset():
    """``graph.inner_defs`` makes the same assets without pools, for runs inside another run."""
    from ich_assets import graph

    pooled = next(a for a in graph.SERIES_ASSETS if a.node_def.pools)
    parts = pooled.get_attributes_dict()
    assert parts["node_def"] is pooled.op and pooled.op._pool in pooled.op.pools
    inner = graph.inner_defs().resolve_assets_def(pooled.key)
    assert (inner.op.pools, pooled.node_def.pools) == (set(), {"gpu"})
    assert inner.get_attributes_dict().keys() == parts.keys()


def test_a_run_notes_its_process(home, run):
    """``runtime/dead_runs.py`` reads the process of a run from its engine events."""
    result = run(home, "one")
    events = home.all_logs(result.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    pids = [
        str(entry.dagster_event.engine_event_data.metadata["pid"].value)
        for entry in events
        if "pid" in entry.dagster_event.engine_event_data.metadata
    ]
    assert pids
    assert set(pids) == {str(os.getpid())}
    assert fail_dead_runs(home) == []


def test_the_tag_of_a_data_version(home, run):
    """``jobs/runs.py`` compares it with the record, and writes it."""
    run(home, "one")
    events = home.fetch_materializations(dg.AssetKey("one"), limit=1).records
    assert events[0].asset_materialization.tags[DATA_VERSION_TAG] == "version of one"
    home.report_runless_asset_event(
        dg.AssetMaterialization("one", tags={DATA_VERSION_TAG: "reported"})
    )
    latest = home.get_latest_data_version_record(dg.AssetKey("one"))
    assert latest.asset_materialization.tags[DATA_VERSION_TAG] == "reported"


def test_an_inner_run_knows_which_assets_were_chosen(home, run):
    """``series.py`` reads it to know whether networks are needed; None would mean all."""
    result = run(home, "one", "two")
    assert result.success
    (event,) = home.fetch_materializations(dg.AssetKey("two"), limit=1).records
    chosen = event.asset_materialization.metadata["chosen"].value
    assert chosen == ["one", "two"]
