"""Measure the time that Dagster itself needs for a series: our graph with empty steps.

The graph has the assets, checks and events of ``ich_series``. It runs in process, as in a batch,
with SQLite files on the disk that is measured. Runs with and without ``quick_commits`` take turns,
so that other work on the machine slows both.
"""

import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dagster as dg

from ich_assets.checks.listed import SERIES_CHECKS
from ich_assets.graph import SERIES_ASSETS
from ich_assets.runtime.commits import quick_commits

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
    """Return the median seconds of a run, with Dagster's own commits and with quick commits."""
    job = empty_graph().resolve_job_def("series")
    taken: dict[str, list[float]] = {"as it comes": [], "quick_commits": []}
    for _ in range(rounds):
        for name, commits in (("as it comes", nullcontext), ("quick_commits", quick_commits)):
            home = Path(tempfile.mkdtemp(prefix="home-", dir=folder))
            shutil.copy(INSTANCE, home / "dagster.yaml")
            with dg.DagsterInstance.from_config(str(home)) as instance, commits():
                instance.add_dynamic_partitions("series", [str(i) for i in range(runs + 1)])
                for number in range(runs + 1):
                    started = time.perf_counter()
                    job.execute_in_process(
                        instance=instance, partition_key=str(number), run_config=QUIET
                    )
                    if number:  # the first run also imports modules and creates tables
                        taken[name].append(time.perf_counter() - started)
            shutil.rmtree(home)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
