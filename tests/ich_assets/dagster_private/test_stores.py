"""The SQLite files of an instance, and the limits that it keeps."""

import inspect
import sqlite3
from pathlib import Path

import dagster as dg
import yaml

from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.places import gpu_places


def test_the_file_of_a_run(home, run):
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


def test_the_id_of_a_run_storage(home, tmp_path):
    """``sensors/inbox.py`` knows an instance by it."""
    first = home.run_storage.get_run_storage_id()
    assert first == home.run_storage.get_run_storage_id()
    (tmp_path / "another").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "another")) as another:
        assert another.run_storage.get_run_storage_id() != first
    with dg.DagsterInstance.local_temp(home.root_directory) as same:
        assert same.run_storage.get_run_storage_id() == first


def test_sqlite_files_are_in_wal_mode_and_opened_by_sqlalchemy(home, run):
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


def test_the_limits_of_pools_and_of_the_queue(home, tmp_path):
    """``runtime/places.py`` reads both; its sentence names the fields of dagster.yaml."""
    assert home.global_op_concurrency_default_limit is None
    runs, pools = {"max_concurrent_runs": 7}, {"granularity": "run", "default_limit": 2}
    config = {"concurrency": {"runs": runs, "pools": pools}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 7
        assert instance.global_op_concurrency_default_limit == 2
        assert (instance.event_log_storage.get_pool_limits(), gpu_places(instance)) == ([], 2)
        instance.event_log_storage.set_concurrency_slots("gpu", 5)
        (pool,) = instance.event_log_storage.get_pool_limits()
        assert (pool.name, pool.limit, gpu_places(instance)) == ("gpu", 5, 5)
