"""Dagster's SQLite stores use an engine again: the same events, and as before afterwards."""

from pathlib import Path

from sqlalchemy.pool import NullPool
from talking import talking

from ich_assets.runtime.engines import KEPT, STORES, kept_engines


def counted(monkeypatch) -> list[str]:
    """The addresses of the engines that are made from now on, by whatever maker is there."""
    made: list[str] = []
    for store in STORES:
        make = store.create_engine

        def counting(url, make=make, **options):
            made.append(url)
            return make(url, **options)

        monkeypatch.setattr(store, "create_engine", counting)
    return made


def test_few_engines_are_made_and_the_events_are_the_same(home, monkeypatch):
    made = counted(monkeypatch)
    plain = talking.execute_in_process(instance=home).run_id
    many = len(made)
    made.clear()
    with kept_engines():
        first = talking.execute_in_process(instance=home).run_id
        assert 0 < len(made) <= 4 < many
        with kept_engines():  # a run inside a run
            second = talking.execute_in_process(instance=home).run_id
        assert len(made) <= 5
    kinds = [[e.dagster_event_type for e in home.all_logs(run)] for run in (plain, first, second)]
    assert kinds[0] == kinds[1] == kinds[2] and len(kinds[0]) > 5
    assert len(home.get_runs()) == 3


def test_it_ends_with_the_block(home):
    before = [store.create_engine for store in STORES]
    block = kept_engines()
    block.__enter__()
    assert [store.create_engine for store in STORES] != before
    assert not block.__exit__(KeyError, KeyError(), None), "the error goes on"
    assert [store.create_engine for store in STORES] == before


def test_engines_that_keep_connections_are_dagsters_own_affair(tmp_path):
    store = STORES[0]
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with kept_engines():
        assert store.create_engine(url) is not store.create_engine(url)
        first = store.create_engine(url, poolclass=NullPool)
        assert store.create_engine(url, poolclass=NullPool) is first
        patient = {"connect_args": {"timeout": 1}}
        assert store.create_engine(url, poolclass=NullPool, **patient) is not first


def test_the_engines_of_old_files_go(tmp_path):
    store = STORES[0]

    def engine(number: int):
        return store.create_engine(f"sqlite:///{Path(tmp_path, str(number))}", poolclass=NullPool)

    with kept_engines():
        first = engine(0)
        for number in range(1, KEPT):
            engine(number)
        assert engine(0) is first
        for number in range(1, KEPT + 1):
            engine(number)
        assert engine(0) is not first
