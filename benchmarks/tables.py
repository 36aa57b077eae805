"""``python benchmarks/tables.py [SERIES ...]``: what the sensor result_tables costs.

Each series has 35 slices, three backbones with five folds, and as many files as a real one; the
pictures hold one byte. The rows are made from the records, as in live operation. CPU seconds are of
this process.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from made_results import SLICES, MadeSeries

from ich_assets.current_tables import write_current
from ich_resources.series import Ledger
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import write_arrivals


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall time and CPU time of some work, in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(count: int) -> None:
    """Make a run root, let the tables follow it, and print a row."""
    root = Path(tempfile.mkdtemp(prefix="tables-"))
    layout, random = Layout(root), np.random.default_rng(0)
    made = [MadeSeries(layout, number, random) for number in range(1, count + 1)]
    ledger = Ledger(("/inbox",), tuple(m.series for m in made), (), count * SLICES, 0)
    synced, os.fsync = os.fsync, lambda _: None  # these results need not survive a power cut
    write_arrivals(layout, ledger)
    for one in made:
        one.score()
    os.fsync = synced
    time.sleep(3)  # a folder that is younger is read at each tick

    def tick() -> None:
        write_current(layout, None)

    first = measured(tick)
    quiet = measured(tick)
    made[count // 2].score()
    new = measured(tick)
    page = layout.worklist.stat().st_size / 1e6
    cache = layout.row_cache.stat().st_size / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cells = [f"{wall:.2f} ({cpu:.2f})" for wall, cpu in (first, quiet, new)]
    print(
        f"| {count:,} | {count * SLICES:,} | {' | '.join(cells)} | {page:.1f} | {cache:.0f} | "
        f"{memory:.0f} |",
        flush=True,
    )
    shutil.rmtree(root)


if __name__ == "__main__":
    print(
        "| series | slices | all rows for the first time, s (CPU) | nothing new, s (CPU) | "
        "one new result, s (CPU) | page, MB | kept rows, MB | memory, MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for number in [int(a) for a in sys.argv[1:]] or [1_000, 10_000]:
        measure(number)
