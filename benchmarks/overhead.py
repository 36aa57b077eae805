"""Measure the time that Dagster itself needs for a series: our graph with empty steps.

The graph has the assets, checks and events of ``ich_series``. It runs in process, as in a batch,
with SQLite files on the disk that is measured. Runs with and without ``quick_commits`` take turns,
so that other work on the machine slows both.
"""

import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import numpy as np

from ich_assets.checks.listed import SERIES_CHECKS
from ich_assets.graph import SERIES_ASSETS
from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.engines import kept_engines
from ich_assets.runtime.run_files import begin_run_file

warnings.filterwarnings("ignore", category=dg.PreviewWarning)
INSTANCE = Path(__file__).parents[1] / "conf" / "dagster.yaml"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def empty_graph() -> dg.Definitions:
    """Return a graph with the names, dependencies and blocking checks of ours, and empty steps."""
    partitions = dg.DynamicPartitionsDefinition(name="series")
    names = [asset.key.to_user_string() for asset in SERIES_ASSETS]

    def asset(position: int) -> dg.AssetsDefinition:
        upstream = names[:position] if position in (4, 5) else names[: min(position, 1)]

        @dg.asset(name=names[position], partitions_def=partitions, deps=upstream)
        def empty() -> dg.MaterializeResult:
            return dg.MaterializeResult(metadata={"slices": 1})

        return empty

    def check(real: dg.AssetChecksDefinition) -> dg.AssetChecksDefinition:
        specs = [
            dg.AssetCheckSpec(
                spec.name,
                asset=spec.asset_key,
                blocking=spec.blocking,
                partitions_def=partitions,
            )
            for spec in real.check_specs
        ]

        @dg.multi_asset_check(name=real.node_def.name, specs=specs)
        def empty() -> Iterator[dg.AssetCheckResult]:
            for spec in specs:
                yield dg.AssetCheckResult(
                    passed=True, asset_key=spec.asset_key, check_name=spec.name
                )

        return empty

    return dg.Definitions(
        assets=[asset(position) for position in range(len(names))],
        asset_checks=[check(real) for real in SERIES_CHECKS],
        jobs=[dg.define_asset_job("series", selection="*")],
        executor=dg.in_process_executor,
    )


def measure(folder: Path, runs: int = 8, rounds: int = 3) -> dict[str, Any]:
    """Return the median of a run: seconds and seconds of CPU, with and without what we add.

    ``quick_commits`` stands for all of it: also the file of the run is made beforehand.
    """
    job = empty_graph().resolve_job_def("series")
    taken: dict[str, list[tuple[float, float]]] = {"as it comes": [], "quick_commits": []}
    for _ in range(rounds):
        for name, commits, engines in (
            ("as it comes", nullcontext, nullcontext),
            ("quick_commits", quick_commits, kept_engines),
        ):
            home = Path(tempfile.mkdtemp(prefix="home-", dir=folder))
            shutil.copy(INSTANCE, home / "dagster.yaml")
            with dg.DagsterInstance.from_config(str(home)) as instance, commits(), engines():
                instance.add_dynamic_partitions("series", [str(i) for i in range(runs + 1)])
                first = ""
                for number in range(runs + 1):
                    started, cpu, run_id = time.perf_counter(), time.process_time(), str(uuid4())
                    if first and name == "quick_commits":
                        begin_run_file(instance, run_id, first)
                    job.execute_in_process(
                        instance=instance,
                        partition_key=str(number),
                        run_config=QUIET,
                        run_id=run_id,
                    )
                    if first:  # the first run also imports modules and creates tables
                        now = time.perf_counter() - started, time.process_time() - cpu
                        taken[name].append(now)
                    first = first or run_id
            shutil.rmtree(home)
    medians = {name: np.median(found, axis=0) for name, found in taken.items()}
    return {name: round(float(value[0]), 3) for name, value in medians.items()} | {
        f"{name}, CPU": round(float(value[1]), 3) for name, value in medians.items()
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(measure(Path(scratch)))
