"""ich_evaluate through the real command line, on the demo's batch and on a made run root."""

import csv
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluated import made_series, write_run_root
from workplace import Workplace

from ich_resources.evaluation.bound import calibration_of
from ich_resources.evaluation.evaluate import evaluate
from ich_resources.evaluation.outcome import Options
from ich_resources.hemorrhage import CLASSES
from ich_resources.judged_files import read_calibration, read_threshold, write_judged
from ich_resources.labels import Labels
from ich_resources.storage.layout import Layout
from ich_resources.storage.scored_networks import scored_by
from ich_resources.storage.scored_tables import read_scores

pytestmark = pytest.mark.slow

WRITTEN = {
    "index.html",
    "report.json",
    "per_class.csv",
    "per_series.csv",
    "subgroups.csv",
    "missed.csv",
    "false_alarms.csv",
    "not_counted.csv",
    "roc.png",
    "reliability.png",
    "confusion.png",
}


def _write_labels(path: Path, key: str, rows: dict[str, int], **columns: str) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([key, *CLASSES, *columns])
        for name, bleeds in rows.items():
            writer.writerow([name, bleeds, 0, bleeds, 0, 0, 0, *columns.values()])


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "evaluation" not in path.parts and path.name != ".outputs.lock"
    }


def test_the_demo_is_judged_by_series_without_checkpoints(finished_demo, demo_copy):
    study = finished_demo.study
    labels = demo_copy.root / "labels.csv"
    rows = {study.bleed_series: 1, study.plain_series: 0, study.localizer_series: 1, "1.2.3": 0}
    _write_labels(labels, "SeriesInstanceUID", rows, patient="Zaphodius")
    demo_copy.environment |= {"LABELS": str(labels), "MODEL_DIR": "/nowhere"}
    before = _digests(demo_copy.results)
    done = demo_copy.execute(
        "ich_evaluate",
        "resources: {evaluation: {config: {threshold: 1.0, bootstrap: 50, prevalence: 0.1}}}",
    )
    assert done.status == 0, done.text
    assert "judged: 2 of 4 labelled series; 1 patient" in done.text
    folder = demo_copy.output / "evaluation"
    assert {path.name for path in folder.iterdir()} == WRITTEN
    assert _digests(demo_copy.results) == before  # what was judged is only read
    listed = pd.read_csv(folder / "not_counted.csv", skiprows=1, dtype=str).set_index("id")
    assert listed["code"].to_dict() == {study.localizer_series: "LOCALIZER", "1.2.3": "NOT_FOUND"}
    missed = pd.read_csv(folder / "missed.csv", skiprows=1, dtype=str)
    assert missed["series_id"].to_list() == [study.bleed_series]
    assert (demo_copy.results / missed["panel"][0]).is_file()
    judged = pd.read_csv(folder / "per_series.csv", skiprows=1).set_index("series_id")
    tables = pd.read_csv(demo_copy.output / "predictions_per_series.csv").set_index("series_id")
    assert judged["p_any"].to_dict() == tables["max_any"].dropna().to_dict()
    parts = pd.read_csv(folder / "subgroups.csv", skiprows=1).set_index(["column", "value"])
    scanner = [("manufacturer", "SYNTHETIC"), ("model", "HEAD PHANTOM")]
    assert parts.loc[scanner, "cases"].to_list() == [2, 2]
    assert parts.loc[scanner, "positives"].to_list() == [1, 1]
    page = (folder / "index.html").read_text()
    links = re.findall(r'href="(\.\./[^"]+)"', page)
    assert links and all((folder / link).is_file() for link in links)
    assert not re.search(r"(?:src|srcset)=\"(?!data:)", page) and "image/jpeg" in page
    for path in folder.iterdir():
        content = path.read_bytes()
        assert b"Zaphodius" not in content
        if path.suffix in (".csv", ".json", ".html"):
            first = content[:600].decode()
            assert "Research use only" in first and "UNTRAINED" in first
            assert "2 of 4 labelled series; 1 patient" in first
    per_class = pd.read_csv(folder / "per_class.csv", skiprows=1)
    assert per_class["auc"].isna().all()  # one bleed: no number, and never 0.5


def test_calibration_and_threshold_are_bound_to_what_scored_them(demo_copy):
    labels = demo_copy.root / "labels.csv"
    slices = pd.read_csv(demo_copy.output / "predictions_per_slice.csv", dtype=str)
    with labels.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SOPInstanceUID", *CLASSES, "patient"])
        for i, name in enumerate(slices["ID"]):
            writer.writerow([name.removeprefix("ID_"), i % 2, 0, 0, 0, 0, i % 2, "p"])
    demo_copy.environment["LABELS"] = str(labels)
    config = "resources: {evaluation: {config: {%s, bootstrap: 20, level: slice}}}"
    done = demo_copy.execute("ich_evaluate", config % "write_threshold: true")
    assert done.status == 0, done.text
    threshold = read_threshold(demo_copy.output / "evaluation" / "threshold.json")
    report = json.loads((demo_copy.output / "run_report.json").read_text())
    digests = {item["backbone"]: (item["sha256"],) for item in report["checkpoints"]}
    assert threshold.checkpoints == digests
    assert (threshold.level, threshold.calibration) == ("slice", None)
    assert threshold.chosen_on["cases"] == len(slices)
    _binds_a_calibration(demo_copy, digests)


def _binds_a_calibration(place: Workplace, digests: dict[str, tuple[str, ...]]) -> None:
    """Fit on made series, since the demo has too few slices, and bind to the demo's networks."""
    series, truth = made_series(12, 4, seed=2)
    write_run_root(place.root / "made", series)
    scores = read_scores(Layout(place.root / "made"))
    ids = tuple(uid for s in series for uid in s.slices)
    found = evaluate(
        scores,
        Labels("slice", ids, truth.astype(np.float32)),
        Options(bootstrap=0, fit="temperature"),
    )
    layout = Layout(place.results)
    networks = scored_by(layout, read_scores(layout).series)
    assert networks.checkpoints == digests
    path = place.root / "calibration.json"
    write_judged(path, calibration_of(found, networks.checkpoints))
    calibration = read_calibration(path)
    assert calibration.checkpoints == digests
    assert (calibration.kind, calibration.level) == ("temperature", "slice")
    assert calibration.fitted_on["patients"] == 6


def test_missing_labels_and_missing_results_are_one_sentence(workplace):
    done = workplace.execute("ich_evaluate")
    assert done.status == 1
    assert "LABELS is not set" in done.text and "Traceback" not in done.text


def test_two_made_run_roots_are_compared(workplace: Workplace):
    series, truth = made_series(12, 4, seed=2)
    write_run_root(workplace.results, series)
    other, _ = made_series(12, 4, seed=3)
    write_run_root(workplace.root / "other", other)
    labels = workplace.root / "kaggle.csv"
    with labels.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", "Label"])
        uids = [uid for s in series for uid in s.slices]
        for uid, row in zip(uids, truth, strict=True):
            writer.writerows([f"ID_{uid}_{n}", int(v)] for n, v in zip(CLASSES, row, strict=True))
    workplace.environment["LABELS"] = str(labels)
    compared = f"bootstrap: 50, compare_with: {workplace.root / 'other'}"
    done = workplace.execute(
        "ich_evaluate", f"resources: {{evaluation: {{config: {{{compared}}}}}}}"
    )
    assert done.status == 0, done.text
    report = json.loads((workplace.output / "evaluation" / "report.json").read_text())
    assert [level["level"] for level in report["levels"]] == ["slice", "series"]
    assert report["comparison"]["cases"] == 12
    assert report["comparison"]["differences"][0]["interval"]["how"].startswith("paired")
