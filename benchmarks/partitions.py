"""``python benchmarks/partitions.py [PARTITIONS ...]``: Dagster's pages with many partitions.

The script writes synthetic events: it materialises each partition of three assets once. Then it
sends the queries of the UI's asset page to a real webserver, and those of the sensor to SQLite.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import dagster as dg

PARTITIONS = "series"
ASSETS = ("dicom_series", "processed_series", "saliency_panels")
STATUSES = """
query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetPartitionStatuses { ... on DefaultPartitionStatuses { materializedPartitions failedPartitions
    unmaterializedPartitions materializingPartitions } } } } }
"""
KEYS = """
query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  partitionKeysByDimension { name partitionKeys } } } }
"""
HEALTH = "{ assetNodes { id partitionStats { numMaterialized numFailed numPartitions } } }"
ONE = """
query($key: AssetKeyInput!, $partition: String!) { assetNodeOrError(assetKey: $key) {
  ... on AssetNode { staleStatus(partition: $partition)
    assetMaterializations(partitions: [$partition], limit: 1) { timestamp } } } }
"""


def uid(number: int) -> str:
    """Return a SeriesInstanceUID of 64 characters, the usual length."""
    return f"1.2.826.0.1.3680043.8.498.{number:038}"


def fill(home: Path, partitions: int) -> float:
    """Add partitions and their events up to a number; return the seconds it took."""
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    started = time.perf_counter()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        known = len(instance.get_dynamic_partitions(PARTITIONS))
        new = [uid(number) for number in range(known, partitions)]
        for start in range(0, len(new), 5000):
            instance.add_dynamic_partitions(PARTITIONS, new[start : start + 5000])
        for partition in new:
            for asset in ASSETS:
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        asset,
                        partition=partition,
                        tags={"dagster/data_version": partition[-8:]},
                        metadata={"slices": 30, "max_any": 0.5},
                    )
                )
    return time.perf_counter() - started


def timed(question: Callable[[], object]) -> float:
    """Return the median time of three calls, in seconds."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        question()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def measure(home: Path, partitions: int, port: int) -> None:
    """Time the queries for a number of partitions, and print a row of the table."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        listing = timed(lambda: instance.get_dynamic_partitions(PARTITIONS))
        known = timed(lambda: instance.has_dynamic_partition(PARTITIONS, uid(partitions // 2)))
        numbers = iter(range(10**9, 2 * 10**9))
        adding = timed(
            lambda: instance.add_dynamic_partitions(
                PARTITIONS, [uid(next(numbers)) for _ in range(100)]
            )
        )
        for number in range(10**9, next(numbers)):
            instance.delete_dynamic_partition(PARTITIONS, uid(number))
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6
    command = [str(Path(sys.executable).with_name("dagster-webserver"))]
    command += ["-m", "ich_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]

    server = subprocess.Popen(
        command,
        env={**os.environ, "DAGSTER_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(query: str, **variables: object) -> object:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
            data = json.load(answer)
        assert "errors" not in data, data
        return data

    try:
        for _ in range(60):
            try:
                ask("{ version }")
                break
            except OSError:
                time.sleep(1)
        key = {"path": ["saliency_panels"]}
        graph = timed(lambda: ask(HEALTH))
        page = timed(lambda: (ask(KEYS, key=key), ask(STATUSES, key=key)))
        one = timed(lambda: ask(ONE, key=key, partition=uid(partitions // 2)))
    finally:
        server.terminate()
        server.wait()
    print(
        f"| {partitions:,} | {graph:.2f} | {page:.2f} | {one:.2f} | {listing:.2f} | "
        f"{known * 1000:.1f} | {adding * 1000:.0f} | {size:.0f} |",
        flush=True,
    )


def main(numbers: list[int]) -> None:
    """Measure one SQLite store, each time with more partitions."""
    root = Path(tempfile.mkdtemp(prefix="partitions-"))
    print(
        "| partitions | asset graph, s | partitions page, s | one partition, s | all keys, s | "
        "is it known, ms | 100 new, ms | store, MB |\n|---|---|---|---|---|---|---|---|"
    )
    for number in sorted(numbers):
        taken = fill(root / "home", number)
        print(f"filled in {taken:.0f} s", file=sys.stderr)
        measure(root / "home", number, port=3987)
    shutil.rmtree(root)


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [1_000, 10_000, 50_000])
