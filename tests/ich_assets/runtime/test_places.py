"""Places in the pool: a run of several series has one, whatever runs inside it."""

import dagster as dg
import pytest
import yaml
from dagster._core.execution.api import create_execution_plan
from dagster._core.instance.config import PoolGranularity
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter

from ich_assets import graph
from ich_assets.definitions import defs
from ich_assets.runtime.places import gpu_places, require_enough_runs
from ich_assets.runtime.retries import GPU_POOL
from ich_resources.errors import IchError

CONFIG = {"ops": {"arrived_series": {"config": {"series": ["1.2"]}}}}


@pytest.fixture
def home(tmp_path):
    """Make an instance with some limit of runs, and the pool of ``conf/dagster.yaml``."""

    def make(most: int) -> dg.DagsterInstance:
        config = {
            "concurrency": {
                "runs": {"max_concurrent_runs": most},
                "pools": {"granularity": "run", "default_limit": 1},
            }
        }
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
        return dg.DagsterInstance.from_config(str(tmp_path))

    return make


def _run(instance: dg.DagsterInstance, job: dg.JobDefinition, config=None) -> str:
    plan = create_execution_plan(job, run_config=config)
    status = dg.DagsterRunStatus.STARTED
    made = instance.create_run_for_job(job, plan, run_config=config, status=status)
    return made.run_id


def test_two_runs_of_several_series_fit_into_two_places_with_the_runs_inside_them(home):
    backlog = defs.resolve_job_def("ich_backlog")
    with home(5) as instance:
        instance.event_log_storage.set_concurrency_slots(GPU_POOL, 2)

        def blocked(*run_ids: str) -> bool:
            """Whether Dagster's queue would keep one more backlog waiting."""
            records = instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids)))
            waiting = instance.get_run_by_id(_run(instance, backlog, CONFIG))
            counter = GlobalOpConcurrencyLimitsCounter(
                instance,
                [waiting],
                records,
                instance.event_log_storage.get_concurrency_keys(),
                instance.event_log_storage.get_pool_limits(),
                pool_granularity=PoolGranularity.RUN,
            )
            return counter.is_blocked(waiting)

        first = _run(instance, backlog, CONFIG)
        inside = _run(instance, graph.inner_defs().resolve_job_def("ich_series"))
        assert not blocked(first, inside)
        second = _run(instance, backlog, CONFIG)
        also_inside = _run(instance, graph.inner_defs().resolve_job_def("ich_series"))
        assert blocked(first, inside, second, also_inside)
        # Whoever materialises a series in the UI waits for a place.
        assert blocked(first, _run(instance, graph.defs.resolve_job_def("ich_series")))


def test_the_runs_inside_a_run_are_the_same_but_for_the_pool():
    for name in graph.ASSET_JOBS:
        ours, inner = (
            each.resolve_job_def(name).get_job_snapshot()
            for each in (graph.defs, graph.inner_defs())
        )
        assert {n.name for n in ours.node_defs_snapshot.op_def_snaps} == {
            n.name for n in inner.node_defs_snapshot.op_def_snaps
        }
    ours, inner = (each.resolve_asset_graph() for each in (graph.defs, graph.inner_defs()))
    assert ours.get_all_asset_keys() == inner.get_all_asset_keys()
    for key in ours.get_all_asset_keys():
        assert ours.get(key).code_version == inner.get(key).code_version
        assert ours.get(key).parent_keys == inner.get(key).parent_keys
    assert ours.asset_check_keys == inner.asset_check_keys


@pytest.mark.parametrize(("places", "most"), [(1, 3), (2, 5), (8, -1)])
def test_a_queue_with_room_is_accepted(home, places, most):
    with home(most) as instance:
        instance.event_log_storage.set_concurrency_slots(GPU_POOL, places)
        assert gpu_places(instance) == places
        require_enough_runs(instance)


@pytest.mark.parametrize(("places", "most"), [(1, 2), (2, 4), (8, 16)])
def test_a_queue_without_room_for_inner_runs_is_refused(home, places, most):
    with home(most) as instance:
        instance.event_log_storage.set_concurrency_slots(GPU_POOL, places)
        with pytest.raises(IchError, match=f"max_concurrent_runs is {most}, .*{2 * places + 1}"):
            require_enough_runs(instance)


def test_the_default_limit_counts_where_no_other_is_set(home):
    with home(4) as instance:
        assert gpu_places(instance) == 1
