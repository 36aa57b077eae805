"""``python benchmarks/store.py [SERIES] [--study N] [--postgres URL]``: what Dagster keeps.

Studies come into an inbox one after another, and the real sensor requests a run for each: of one
series, or with ``--study`` of several, as in a backlog. The runs are the real ones, in this
process, with networks that look at 64 x 64 pixels: the events are those of large networks. A run of
the daemon has some ten events more, about 10 KB.
"""

import argparse
import os
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from ich_assets.definitions import defs
from ich_assets.sensors.inbox import dicom_inbox
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.demo.checkpoints import write_checkpoints
from ich_resources.demo.study import write_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.storage.resource import StorageResource

warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)
CONF = Path(__file__).parents[1] / "conf"
SLICES = 28
ROWS = 8
"""Kinds of events that are listed."""


def write_models(folder: Path) -> None:
    """Write fold 0 of each backbone: a stand-in that carries an input size of 64 pixels."""
    import torch

    write_checkpoints(folder, folds=1)
    about = Trained(
        backbone=next(iter(BACKBONES)),
        fold=0,
        input_size=64,
        slice_context="adjacent",
        trained_on="phantoms",
        salt="0" * 32,
        studies={},
        recipe={},
        labels="",
        init="random",
        weighted_log_loss=0.5,
        versions={},
    )
    for backbone in BACKBONES.values():
        path = folder / backbone.folder / checkpoint_name(0)
        state = torch.load(path, weights_only=True)["state_dict"]
        trained = replace(about, backbone=backbone.name).to_plain()
        torch.save({"state_dict": state, "ich": trained}, path)
    (folder / "checkpoints.sha256").unlink()


class Site:
    """An inbox, a RUN_ROOT and a Dagster instance of their own.

    Parameters
    ----------
    root : Path
        Folder for all of them.
    instance : dagster.DagsterInstance
        It is measured.
    """

    def __init__(self, root: Path, instance: dg.DagsterInstance) -> None:
        self._inbox, self._instance = root / "inbox", instance
        self._inbox.mkdir()
        self._config = {
            "networks": {
                "config": {
                    "model_dir": str(root / "models"),
                    "max_folds_per_backbone": 1,
                    "backend": "pytorch",
                }
            },
            "saliency": {"config": {"method": "gradcam", "max_slices_per_series": 4}},
            "storage": {"config": {"run_root": str(root / "results")}},
            "dicom": {"config": {"input_dir": str(self._inbox)}},
        }

    def take(self, study: int, series: int) -> None:
        """Let one more study come, be scored and be settled."""
        folder = self._inbox / str(study)
        for number in range(series):
            name = f"head{number}"
            write_series(
                folder / name,
                name=name,
                slices=SLICES,
                bleed=number % 2 == 0,
                size=128,
                study=f"study{study}",
            )
        (folder / ".done").touch()
        for request in self._tick():
            config = {
                "resources": self._config,
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            }
            job = defs.resolve_job_def(str(request.job_name))
            job.execute_in_process(
                instance=self._instance,
                partition_key=request.partition_key,
                tags=dict(request.tags),
                run_config={**request.run_config, **config},
            )
        self._tick()

    def _tick(self) -> list[dg.RunRequest]:
        networks, storage = self._config["networks"], self._config["storage"]
        context = dg.build_sensor_context(
            instance=self._instance,
            repository_def=defs.get_repository_def(),
            resources={
                "inbox": InboxResource(inbox_dir=str(self._inbox)),
                "dicom": DicomResource(),
                "networks": NetworksResource(**networks["config"]),
                "storage": StorageResource(**storage["config"]),
            },
        )
        with context:
            result = dicom_inbox(context)
        if isinstance(result, dg.SkipReason):
            return []
        for request in result.dynamic_partitions_requests or ():
            self._instance.add_dynamic_partitions("series", list(request.partition_keys))
        for event in result.asset_events or ():
            self._instance.report_runless_asset_event(event)
        return list(result.run_requests or ())


def sizes_of_files(home: Path) -> dict[str, int]:
    """Return the bytes of the SQLite files below a DAGSTER_HOME, by kind."""
    found = {"files of runs": 0, "index": 0, "other": 0}
    for path in home.rglob("*.db*"):
        in_runs = path.parent.name == "runs" and path.parent.parent.name == "history"
        kind = "index" if path.name.startswith("index.") else "files of runs"
        found[kind if in_runs else "other"] += path.stat().st_size
    return found


def sizes_of_tables(url: str) -> dict[str, int]:
    """Return the bytes of the tables of a PostgreSQL database, indexes included."""
    query = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text(f"{query} AND relnamespace = 'public'::regnamespace"))
        found = {str(name): int(size) for name, size in rows}
    engine.dispose()
    return found


def heaviest(home: Path) -> list[tuple[str, int, int]]:
    """Return kind, number and bytes of the heaviest events in the index of a SQLite store."""
    with sqlite3.connect(home / "history" / "runs" / "index.db") as connection:
        return connection.execute(
            "SELECT dagster_event_type || ' ' || coalesce(asset_key, ''), count(*), "
            "sum(length(event)) FROM event_logs GROUP BY 1 ORDER BY 3 DESC LIMIT ?",
            (ROWS,),
        ).fetchall()


@contextmanager
def opened(root: Path, url: str) -> Iterator[tuple[dg.DagsterInstance, Callable[[], dict]]]:
    """Open an empty instance as ``make up`` does; yield it and what measures it."""
    home = root / "home"
    home.mkdir()
    os.environ["DAGSTER_POSTGRES_URL"] = url
    shutil.copy(CONF / f"dagster{'.postgres' if url else ''}.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance, lambda: sizes_of_tables(url) if url else sizes_of_files(home)


def main(series: int, per_study: int, url: str) -> None:
    """Score series, and print after each fifth part of them what the store weighs."""
    root = Path(tempfile.mkdtemp(prefix="store-"))
    write_models(root / "models")
    with opened(root, url) as (instance, measure):
        site, first = Site(root, instance), 0
        print("| series | MB | MB for each further series | s |\n|---|---|---|---|")
        last, began = 0, time.perf_counter()
        for number in range(per_study, series + 1, per_study):
            site.take(number, per_study)
            if number % max(per_study, series // 5 // per_study * per_study) == 0:
                now = sum(measure().values())
                more = (now - last) / 1e6 / (number - first)
                seconds = time.perf_counter() - began
                print(f"| {number} | {now / 1e6:.1f} | {more:.3f} | {seconds:.0f} |", flush=True)
                first, last = number, now
        for name, size in sorted(measure().items(), key=lambda item: -item[1])[:ROWS]:
            print(f"{name}: {size / 1e6:.1f} MB")
    if not url:
        for name, number_of, size in heaviest(root / "home"):
            print(f"{name}: {number_of} events, {size / number_of / 1e3:.1f} KB each")
    shutil.rmtree(root)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs="?", type=int, default=100)
    parser.add_argument("--study", type=int, default=1, help="series of a study")
    parser.add_argument("--postgres", default="", help="URL of an empty database")
    options = parser.parse_args()
    main(options.series, options.study, options.postgres)
