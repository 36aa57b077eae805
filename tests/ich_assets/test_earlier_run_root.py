"""A run root of an earlier version is taken over without a network pass; a newer one is refused.

Only ``processed_series`` runs again: its code version is higher, and its images are the same.

``tests/data/run_root_format_1.tar.xz`` holds the input and the results of version 0.1.0, whose
records have no format number: three slices, scored by the demo's stand-in checkpoints. These have
the same bytes everywhere with one version of torch (a new one needs a new archive).
"""

import json
import tarfile
from pathlib import Path

import pytest
from workplace import Workplace

from ich_resources.backbones.table import BACKBONES
from ich_resources.steps import PROCESSED, chosen_steps

pytestmark = pytest.mark.slow

ARCHIVE = Path(__file__).parents[1] / "data" / "run_root_format_1.tar.xz"
CONFIG = """\
resources:
  networks: {config: {max_folds_per_backbone: 1}}
  saliency: {config: {image_size_override: 64, method: gradcam, max_slices_per_series: 1}}
"""


@pytest.fixture
def earlier(tmp_path, stand_in_models) -> Workplace:
    """The input and the results of the earlier version."""
    assert ARCHIVE.stat().st_size < 1_000_000
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return Workplace(tmp_path, stand_in_models)


def _records(place: Workplace) -> dict[str, Path]:
    paths = {p.stem: p for p in place.results.glob("state/series/*/*.json")}
    return {step.name: paths[step.name] for step in chosen_steps(BACKBONES)}


def test_processed_series_alone_runs_again(earlier):
    before = {name: path.read_bytes() for name, path in _records(earlier).items()}
    assert not any("format" in json.loads(content) for content in before.values())
    tree = earlier.tree()
    done = earlier.batch(CONFIG)
    assert done.status == 0, done.text
    assert "Series with nothing to do" not in done.text
    assert "Loading networks" not in done.text
    after = {name: json.loads(path.read_text()) for name, path in _records(earlier).items()}
    for record in after.values():  # each gets digests
        assert len(record.pop("digests")) == len(record["files"]) and record.pop("checksum")
    old = {name: json.loads(content) for name, content in before.items()}
    assert {name for name in old if after[name] != old[name]} == {PROCESSED}
    new = after[PROCESSED]
    assert new["data_version"] == old[PROCESSED]["data_version"]
    assert new["recipe"] != old[PROCESSED]["recipe"] and new["format"] == 2
    assert new["content"]["slices"] == old[PROCESSED]["content"]["slices"]
    paths = {
        name: content for name, content in tree.items() if not name.startswith("processed/csv")
    }
    assert {name: earlier.tree()[name] for name in paths} == paths
    again = earlier.batch(CONFIG)
    assert "Series with nothing to do, unchanged: 1" in again.text


def test_a_step_whose_record_is_incomplete_runs_again(earlier):
    path = _records(earlier)["ensemble_predictions"]
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"content": {}}))
    predictions = [
        json.loads(p.read_text())["data_version"]
        for n, p in _records(earlier).items()
        if "net" in n or "next" in n
    ]
    assert len(predictions) == 3
    done = earlier.batch(CONFIG)
    assert done.status == 0, done.text
    written = json.loads(path.read_text())
    assert written["recipe"] == whole["recipe"] and written["format"] == 2
    after = [
        json.loads(p.read_text())["data_version"]
        for n, p in _records(earlier).items()
        if "net" in n or "next" in n
    ]
    assert after == predictions


def test_a_newer_record_stops_the_batch_and_stays(earlier):
    path = _records(earlier)["processed_series"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 3}))
    before = {p: p.read_bytes() for p in earlier.results.rglob("*") if p.is_file()}
    done = earlier.batch(CONFIG)
    assert done.status == 1
    assert "a newer version of ich wrote this record: format 3" in done.text
    assert "Traceback" not in done.text
    scanned = ("series_ledger.json", "found.json")  # which hold the folder, and it has moved
    kept = {p: content for p, content in before.items() if p.name not in scanned}
    assert {p: p.read_bytes() for p in kept} == kept
