"""``python benchmarks/burst.py [SERIES]``: many small series at once, an urgent study amid them.

The daemon, the webserver and the sensors are those of ``make up``; the networks are untrained
stand-ins, one fold each. Half of the series are scored when the urgent study comes, with ``.done``.
The script prints how long its result took, how far the ranking was behind the records at most, and
the time of the whole burst.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from arriving import ranked
from processes import ROOT

sys.path.insert(0, str(ROOT / "tests" / "support"))

from live import Webserver
from workplace import Workplace

from ich_resources.demo.checkpoints import write_checkpoints
from ich_resources.demo.study import uid, write_series
from ich_resources.inbox.time_index import seconds_to_result
from ich_resources.storage.layout import Layout

LIVE = """\
resources:
  inbox: {config: {quiet_seconds: 5, priorities: [{field: folder, pattern: urgent, priority: 9}]}}
  networks: {config: {max_folds_per_backbone: 1}}
  saliency: {config: {image_size_override: 64, method: gradcam}}
"""
SLICES = 3


def send(inbox: Path, name: str) -> str:
    """Put a study of one series into the inbox, complete; return its SeriesInstanceUID."""
    write_series(inbox / name, name=name, slices=SLICES, bleed=True, size=64, study=name)
    (inbox / name / ".done").touch()
    return uid(name, name)


def scored(place: Workplace) -> dict[str, float]:
    """Return when each series got its last record, in seconds since 1970."""
    records = (place.results / "state" / "series").glob("*/saliency_panels.json")
    return {record.parent.name: record.stat().st_mtime for record in records}


def workplace(root: Path) -> Workplace:
    """Make the folders of a site, as ``make up`` expects them."""
    models = root / "models"
    write_checkpoints(models, folds=1)
    place = Workplace(root, models)
    for folder in ("home", "inbox"):
        (root / folder).mkdir()
    shutil.copy(ROOT / "conf" / "dagster.yaml", root / "home")
    (root / "live.yaml").write_text(LIVE)
    place.environment |= {
        "DAGSTER_HOME": str(root / "home"),
        "DICOM_INBOX": str(root / "inbox"),
        "LIVE_CONFIG": str(root / "live.yaml"),
    }
    return place


def measure(place: Workplace, number: int) -> None:
    """Send the burst and the urgent study, watch the records and the ranking, and print."""
    inbox = place.root / "inbox"
    names = [send(inbox, f"burst{index}") for index in range(number)]
    begun, urgent, sent, behind = time.time(), "", 0.0, 0.0
    server = Webserver(place.environ(), place.root / "log")
    try:
        while len(done := scored(place)) < number + 1 or set(done) - ranked(place.results):
            if not urgent and len(done) >= number // 2:
                urgent, sent = send(inbox, "urgent"), time.time()
            late = set(done) - ranked(place.results)
            behind = max([behind, *(time.time() - done[series] for series in late)])
            time.sleep(0.5)
        whole = time.time() - begun
    finally:
        server.stop()
    assert set(done) == {*names, urgent}
    before = sum(sent < when < done[urgent] for when in done.values())
    print(f"{number} series of {SLICES} slices: {whole:.0f} s, {whole / number:.1f} s a series")
    print(f"urgent study: {done[urgent] - sent:.0f} s from .done to its last record")
    print(f"series scored between the two: {before}")
    print(f"the ranking was at most {behind:.0f} s behind")
    times = seconds_to_result(Layout(place.results).inbox_index, time.time())
    print(f"from complete to result: {times}")


def main(arguments: list[str]) -> None:
    """Measure, and remove everything again."""
    root = Path(tempfile.mkdtemp(prefix="burst-"))
    try:
        measure(workplace(root), int(arguments[0]) if arguments else 300)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
