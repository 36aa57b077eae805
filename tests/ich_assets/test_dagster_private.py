"""Details of Dagster that it does not promise to keep, and that are used here.

``dagster==`` is pinned exactly in pyproject.toml because of them. Each test names a detail and
where it is used. After an upgrade of Dagster a test that fails here says what must be looked at.
"""

import inspect
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
import yaml
from live import ROOT

from ich_assets.metadata import DATA_VERSION_TAG
from ich_assets.runtime import retries
from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.console import terse_console
from ich_assets.runtime.dead_runs import fail_dead_runs

IMPORTS = {
    "dagster._cli": ["ich_assets/runtime/web/server.py"],
    "dagster._daemon": ["ich_assets/runtime/web/server.py"],
    "dagster._core.remote_origin": ["ich_assets/runtime/origins.py"],
    "dagster._core.types.loadable_target_origin": ["ich_assets/runtime/origins.py"],
    "dagster._core.launcher.base": [
        "ich_assets/runtime/dead_runs.py",
        "ich_assets/runtime/slurm/launcher.py",
        "ich_assets/runtime/slurm/runs.py",
    ],
    "dagster._grpc.types": ["ich_assets/runtime/slurm/launcher.py"],
    "dagster._serdes": ["ich_assets/runtime/slurm/launcher.py"],
    "dagster._core.storage.event_log.sqlite": ["ich_assets/runtime/engines.py"],
    "dagster._core.storage.runs.sqlite": ["ich_assets/runtime/engines.py"],
    "dagster._core.storage.noop_compute_log_manager": [
        "conf/dagster.postgres.yaml",
        "conf/dagster.slurm.yaml",
        "conf/dagster.yaml",
    ],
}
"""Private modules of Dagster, and the files that name them."""


@pytest.fixture(scope="module")
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


def run(instance: dg.DagsterInstance, *steps: str) -> dg.ExecuteInProcessResult:
    """Run some assets of a job, as ``ich_assets/jobs/runs.py`` does."""
    return DEFS.resolve_job_def("all_of_them").execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=[dg.AssetKey(step) for step in steps],
    )


def test_every_private_module_in_use_is_listed_here_and_exists():
    found: dict[str, list[str]] = {}
    files = [*ROOT.glob("ich_*/**/*.py"), *ROOT.glob("conf/*.yaml"), *ROOT.glob("docker/*.*")]
    for path in sorted(files):
        text = path.read_text(encoding="utf-8")
        for module in sorted(set(re.findall(r"\b(dagster(?:\.\w+)*\._[\w.]+\w)", text))):
            found.setdefault(module, []).append(path.relative_to(ROOT).as_posix())
    assert found == IMPORTS
    for module in IMPORTS:
        import_module(module)


def test_the_error_of_an_interrupt():
    """``runtime/interrupts.py`` raises it; ``runtime/console.py`` knows it by name."""
    error = dg.DagsterExecutionInterruptedError
    assert error.__name__ == "DagsterExecutionInterruptedError"
    assert issubclass(error, BaseException)
    assert not issubclass(error, Exception)


def test_the_error_of_a_blocking_check():
    """``runtime/console.py`` knows it by name."""
    from dagster._core.errors import DagsterAssetCheckFailedError

    assert issubclass(DagsterAssetCheckFailedError, dg.DagsterError)


def test_the_base_of_a_launcher():
    """``runtime/slurm/launcher.py`` derives from it."""
    from dagster._core.launcher.base import (
        CheckRunHealthResult,
        LaunchRunContext,
        RunLauncher,
        WorkerStatus,
    )

    assert RunLauncher.__abstractmethods__ == {"launch_run", "terminate"}
    for name in ("supports_check_run_worker_health", "get_run_worker_debug_info"):
        assert hasattr(RunLauncher, name)
    assert list(inspect.signature(RunLauncher.check_run_worker_health).parameters) == [
        "self",
        "run",
    ]
    assert {"RUNNING", "SUCCESS", "FAILED"} <= set(WorkerStatus.__members__)
    result = CheckRunHealthResult(WorkerStatus.RUNNING, "text", run_worker_id="7")
    assert (result.status, result.msg, result.run_worker_id) == (WorkerStatus.RUNNING, "text", "7")
    assert {"dagster_run", "workspace"} <= set(LaunchRunContext._fields)
    assert isinstance(LaunchRunContext.job_code_origin, property)


def test_the_arguments_of_a_worker(home):
    """``runtime/slurm/launcher.py`` puts them into a job; the first of them is the program."""
    from dagster._grpc.types import ExecuteRunArgs
    from dagster_shared.serdes import deserialize_value

    job = dg.reconstructable(_a_job).get_python_origin()
    worker = ExecuteRunArgs(
        job_origin=job, run_id="1", instance_ref=home.get_ref(), set_exit_code_on_failure=True
    )
    words = worker.get_command_args()
    assert [Path(words[0]).name, *words[1:3]] == ["dagster", "api", "execute_run"]
    assert len(words) == 4
    assert deserialize_value(words[3], ExecuteRunArgs).run_id == "1"


def _a_job() -> dg.JobDefinition:
    @dg.job
    def empty() -> None:
        """Does nothing."""

    return empty


def test_a_class_with_configuration():
    """``runtime/slurm/launcher.py`` is named in dagster.yaml and made from its fields there."""
    from dagster._serdes import ConfigurableClass, ConfigurableClassData

    assert ConfigurableClass.__abstractmethods__ == {
        "inst_data",
        "config_type",
        "from_config_value",
    }
    data = ConfigurableClassData(
        "ich_assets.runtime.slurm.launcher", "SlurmRunLauncher", "options: {partition: gpu}\n"
    )
    assert type(data.rehydrate(ConfigurableClass)).__name__ == "SlurmRunLauncher"


@pytest.mark.parametrize("name", ["dagster", "dagster.postgres", "dagster.slurm"])
def test_the_log_manager_that_keeps_nothing(name):
    """The files of conf/ name it."""
    logs = yaml.safe_load((ROOT / "conf" / f"{name}.yaml").read_text())["compute_logs"]
    manager = getattr(import_module(logs["module"]), logs["class"])
    base = import_module("dagster._core.storage.compute_log_manager").ComputeLogManager
    assert issubclass(manager, base)
    assert manager().get_log_data(["key"]).stderr is None


def test_the_webserver_takes_its_application_from_one_function():
    """``runtime/web/server.py`` replaces it by one that puts the guard around it."""
    from dagster_webserver import cli

    name = "create_app_from_workspace_process_context"
    hosting = inspect.getsource(cli.host_dagster_ui_with_workspace_process_context)
    assert re.search(rf"\bapp = {name}\(\s*workspace_process_context, path_prefix,", hosting)
    assert re.search(r"uvicorn\.run\(\s*app,", hosting)
    parameters = list(inspect.signature(getattr(cli, name)).parameters)
    assert parameters[:2] == ["workspace_process_context", "path_prefix"]


def test_the_children_of_dagster_dev():
    """``runtime/web/server.py`` starts the guarded webserver in place of the first."""
    from dagster._cli import dev

    source = inspect.getsource(dev.dev_command_impl)
    assert source.count("open_ipc_subprocess(") == 2
    assert '[sys.executable, "-m", "dagster_webserver"]' in source
    assert re.search(r'sys\.executable,\s*"-m",\s*"dagster\._daemon",', source)
    assert "Popen" not in inspect.getsource(dev)
    names = {parameter.name for parameter in dev.dev_command.params}
    assert {"host", "port"} <= names


def test_the_ways_into_the_webserver():
    """``runtime/web/rules.py`` lets POST and WebSockets through to GraphQL alone."""
    from dagster_webserver.webserver import DagsterWebserver

    source = inspect.getsource(DagsterWebserver.build_routes)
    assert source.count('methods=["POST"]') == source.count('"/report_asset_') == 3
    assert source.count('methods=["GET", "POST"]') == source.count("graphql_http_endpoint") == 1
    assert source.count("WebSocketRoute(") == 1


def test_the_status_line_of_a_command():
    """``runtime/faults.py`` leaves it out after our own sentence."""
    from dagster._cli import job

    source = inspect.getsource(job)
    assert 'raise click.ClickException(f"Run {result.run_id} resulted in failure.")' in source


def test_run_tags_of_dagster():
    """Each is a literal text here: see the file behind it."""
    from dagster._core.storage import tags

    assert tags.GRPC_INFO_TAG == ".dagster/grpc_info"  # runtime/dead_runs.py
    assert tags.PARTITION_NAME_TAG == "dagster/partition"  # jobs/retire.py
    assert tags.WILL_RETRY_TAG == "dagster/will_retry"  # sensors/requests.py
    assert tags.RETRY_STRATEGY_TAG == "dagster/retry_strategy"  # jobs/backlog.py
    assert {tags.MAX_RETRIES_TAG} == set(retries.CRASH_RETRIES)  # runtime/retries.py
    assert {tags.MAX_RETRIES_TAG} == set(retries.NO_CRASH_RETRIES)


def test_the_origin_of_a_run(home):
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


def test_the_file_of_a_run(home):
    """``runtime/compact.py`` makes it small; ``runtime/run_files.py`` makes it beforehand."""
    result = run(home, "one")
    assert result.run_id in home.event_log_storage._initialized_dbs
    path = Path(home.event_log_storage.path_for_shard(result.run_id))
    assert path == Path(home.root_directory) / "history" / "runs" / f"{result.run_id}.db"
    assert path.is_file()


def test_the_stores_make_an_engine_for_each_query():
    """``runtime/engines.py`` keeps it."""
    from ich_assets.runtime.engines import STORES

    for store, connects in zip(STORES, ("_connect", "connect"), strict=True):
        (kind,) = (
            each
            for name, each in vars(store).items()
            if name in ("SqliteEventLogStorage", "SqliteRunStorage") and inspect.isclass(each)
        )
        source = inspect.getsource(getattr(kind, connects))
        assert "create_engine(" in source and "poolclass=NullPool" in source


def test_a_run_of_a_code_server_says_its_socket():
    """``runtime/dead_runs.py`` takes a run with a socket for one of this machine."""
    from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

    source = inspect.getsource(DefaultRunLauncher.launch_run_from_grpc_client)
    assert "GRPC_INFO_TAG" in source
    assert '"socket": grpc_client.socket' in source
    assert DefaultRunLauncher.__module__.partition(".")[0] == "dagster"


def test_a_run_notes_its_process(home):
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


def test_the_tag_of_a_data_version(home):
    """``jobs/runs.py`` compares it with the record, and writes it."""
    run(home, "one")
    events = home.fetch_materializations(dg.AssetKey("one"), limit=1).records
    assert events[0].asset_materialization.tags[DATA_VERSION_TAG] == "version of one"
    home.report_runless_asset_event(
        dg.AssetMaterialization("one", tags={DATA_VERSION_TAG: "reported"})
    )
    latest = home.get_latest_data_version_record(dg.AssetKey("one"))
    assert latest.asset_materialization.tags[DATA_VERSION_TAG] == "reported"


def test_an_inner_run_knows_which_assets_were_chosen(home):
    """``series.py`` reads it to know whether networks are needed; None would mean all."""
    result = run(home, "one", "two")
    assert result.success
    (event,) = home.fetch_materializations(dg.AssetKey("two"), limit=1).records
    chosen = event.asset_materialization.metadata["chosen"].value
    assert chosen == ["one", "two"]


def test_a_step_failure_has_the_error(home):
    """``jobs/runs.py``, ``sensors/requests.py``, ``runtime/console.py`` read class and cause."""
    result = run(home, "failing")
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error.cls_name == "DagsterExecutionStepExecutionError"
    assert (error.cause.cls_name, error.cause.message) == ("ValueError", "ValueError: on purpose\n")
    assert error.cause.cause is None
    assert "Traceback" in error.to_string() or "Stack Trace" in error.to_string()
    stored = home.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert stored[0].dagster_event.step_failure_data.error.cause.cls_name == "ValueError"


def test_a_log_record_has_the_message_and_the_event(home, capsys):
    """``runtime/console.py`` reads ``dagster_meta`` of each log record."""
    records: list[logging.LogRecord] = []

    @dg.logger
    def keeping(_init: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("keeping")
        handler = logging.Handler()
        handler.emit = records.append  # type: ignore[method-assign]
        logger.addHandler(handler)
        return logger

    @dg.op
    def says(context: dg.OpExecutionContext) -> None:
        context.log.info("a line")

    @dg.job(logger_defs={"console": keeping, "people": terse_console})
    def talking() -> None:
        says()

    loggers = {"loggers": {"console": {}, "people": {}}}
    assert talking.execute_in_process(instance=home, run_config=loggers).success
    metas = [record.dagster_meta for record in records]  # type: ignore[attr-defined]
    assert "a line" in [meta["orig_message"] for meta in metas]
    assert any(meta["dagster_event"] is not None for meta in metas)
    assert capsys.readouterr().err == "a line\n"


def test_the_id_of_a_run_storage(home, tmp_path):
    """``sensors/inbox.py`` knows an instance by it."""
    first = home.run_storage.get_run_storage_id()
    assert first == home.run_storage.get_run_storage_id()
    (tmp_path / "another").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "another")) as another:
        assert another.run_storage.get_run_storage_id() != first
    with dg.DagsterInstance.local_temp(home.root_directory) as same:
        assert same.run_storage.get_run_storage_id() == first


def test_sqlite_files_are_in_wal_mode_and_opened_by_sqlalchemy(home):
    """``runtime/commits.py`` keeps one connection to each open, so that the log stays."""
    run(home, "one")
    folder = Path(home.root_directory) / "history" / "runs"
    with quick_commits():
        result = run(home, "one")
        file = folder / f"{result.run_id}.db"
        assert file.with_name(f"{file.name}-wal").stat().st_size > 0
        connection = sqlite3.connect(file)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
    assert not file.with_name(f"{file.name}-wal").exists()
    events = home.all_logs(result.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
    assert len(events) == 1
