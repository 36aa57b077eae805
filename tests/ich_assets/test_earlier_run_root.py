"""A run root of an earlier version is taken over without predictions; a newer one is refused.

``processed_series`` runs again: its code version is higher, and its images are the same. So do the
panels with their new preset ``clear``. With ``reference`` they stay.

``tests/data/run_root_format_1.tar.xz`` holds the input and the results of version 0.1.0, whose
records have no format number: three slices, scored by the demo's stand-in checkpoints. These have
the same bytes everywhere with one version of torch (a new one needs a new archive).
"""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from workplace import Workplace

from ich_resources.backbones.table import BACKBONES
from ich_resources.steps import PROCESSED, SALIENCY, chosen_steps

pytestmark = pytest.mark.slow

ARCHIVE = Path(__file__).parents[1] / "data" / "run_root_format_1.tar.xz"
CONFIG = """\
resources:
  networks: {config: {max_folds_per_backbone: 1}}
  saliency:
    config: {image_size_override: 64, method: gradcam, max_slices_per_series: 1, preset: reference}
"""
CLEAR = CONFIG.replace("reference", "clear")


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
    ranking = "output/predictions_per_series.csv"
    paths = {n: c for n, c in tree.items() if not n.startswith("processed/csv") and n != ranking}
    assert {name: earlier.tree()[name] for name in paths} == paths
    # It has more columns now; those of before say the same.
    now, then = (pd.read_csv(io.BytesIO(files[ranking])) for files in (earlier.tree(), tree))
    pd.testing.assert_frame_equal(now[list(then.columns)], then)
    again = earlier.batch(CONFIG)
    assert "Series with nothing to do, unchanged: 1" in again.text


def test_panels_of_the_reference_made_again_have_the_same_pixels(earlier):
    """Code and fonts are the same everywhere; last digits of numbers depend on the processor."""
    folder = next((earlier.output / "saliency_panels").glob("*/series_prediction.json")).parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    _records(earlier)[SALIENCY].unlink()
    done = earlier.batch(CONFIG)
    assert done.status == 0, done.text
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(after) == len(before) == 3
    scores = "slice_saliency_scores.csv"
    first, second = (pd.read_csv(io.BytesIO(files[scores])) for files in (before, after))
    pd.testing.assert_frame_equal(
        first.drop(columns="saved_png"), second.drop(columns="saved_png"), rtol=0, atol=1e-4
    )
    old, new = (next(v for k, v in f.items() if k.endswith(".png")) for f in (before, after))
    pixels = [cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) for png in (old, new)]
    assert np.abs(pixels[0].astype(int) - pixels[1]).max() <= 2
    assert json.loads(after["series_prediction.json"]) == json.loads(
        before["series_prediction.json"]
    ) | {"slice_context": "replicated", "calibration": None, "trained_on": "nothing"} | {
        key: json.loads(after["series_prediction.json"])[key]
        for key in ("saliency_checkpoints", "predicted_class_is")
    }


def test_the_clear_preset_draws_panels_again_and_predicts_nothing(earlier):
    before = {name: json.loads(path.read_text()) for name, path in _records(earlier).items()}
    done = earlier.batch(CLEAR)
    assert done.status == 0, done.text
    after = {name: json.loads(path.read_text()) for name, path in _records(earlier).items()}
    changed = {name for name in after if after[name]["recipe"] != before[name]["recipe"]}
    assert changed == {PROCESSED, SALIENCY}
    kept = {name for name in after if after[name]["data_version"] == before[name]["data_version"]}
    assert kept == set(after) - {SALIENCY}
    assert after[SALIENCY]["content"]["maps"]["first"] == 1
    again = earlier.batch(CLEAR)
    assert "Series with nothing to do, unchanged: 1" in again.text
    back = earlier.batch(CONFIG)
    assert back.status == 0 and "Series with nothing to do" not in back.text


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
