"""An instance with SQLite files, and small assets that run in it."""

from collections.abc import Callable, Iterator

import dagster as dg
import pytest

Run = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance with SQLite files, as on one machine."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("home"))) as instance:
        yield instance


@dg.asset
def one() -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(data_version=dg.DataVersion("version of one"))


@dg.asset
def two(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    chosen = context.run.asset_selection or frozenset()
    return dg.MaterializeResult(metadata={"chosen": sorted(k.to_user_string() for k in chosen)})


@dg.asset
def failing() -> None:
    raise ValueError("on purpose")


DEFS = dg.Definitions(
    assets=[one, two, failing],
    jobs=[dg.define_asset_job("all_of_them", executor_def=dg.in_process_executor)],
)


@pytest.fixture(scope="session")
def run() -> Run:
    """Run some assets of a job, as ``ich_assets/jobs/runs.py`` does."""

    def run_them(instance: dg.DagsterInstance, *steps: str) -> dg.ExecuteInProcessResult:
        return DEFS.resolve_job_def("all_of_them").execute_in_process(
            instance=instance,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(step) for step in steps],
        )

    return run_them
