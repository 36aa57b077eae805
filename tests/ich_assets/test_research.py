"""Research data through the real command line: the names of slices are those of the data set."""

import json

import pandas as pd
import pytest
from research import write_research

from ich_resources.hemorrhage import CLASSES

pytestmark = pytest.mark.slow

SERIES = {
    "ID_e22a5534e6": ["ID_00000009a", "ID_000000003", "ID_000000077"],
    "0b7f0c1f-2f7b-4a51": ["NA", "x_ID_00000009a", "3.10"],
}
STEMS = ["ID_00000009a", "ID_000000003", "ID_000000077", "ID_NA", "ID_x_ID_00000009a", "ID_3.10"]


def test_identifiers_are_the_names_of_results(workplace, tmp_path):
    for i, (series, stems) in enumerate(SERIES.items()):
        write_research(workplace.dicom, (f"ID_{i}", series), stems, tmp_path / f"x{i}")
    done = workplace.batch()
    assert done.status == 0, done.text
    ledger = workplace.ledger()
    assert ledger["state"].to_dict() == dict.fromkeys(SERIES, "done")
    per_slice = pd.read_csv(workplace.output / "predictions_per_slice.csv", dtype=str)
    assert sorted(per_slice["ID"]) == sorted(STEMS)
    long = pd.read_csv(workplace.output / "predictions.csv", dtype=str)
    assert set(long["ID"]) == {f"{stem}_{name}" for stem in STEMS for name in CLASSES}
    images = {path.name for path in (workplace.results / "processed" / "png").iterdir()}
    assert images == {f"{stem}.png" for stem in STEMS}
    for series, stems in SERIES.items():
        table = pd.read_csv(
            workplace.results / "processed" / "csv" / "series_csv" / f"{series}.csv",
            dtype=str,
            keep_default_na=False,
        )
        assert table["sop_instance_uid"].to_list() == stems
        panels = workplace.output / "saliency_panels" / series
        assert len(list(panels.glob("*.png"))) == 3
    report = json.loads((workplace.output / "run_report.json").read_text())
    assert report["slices"]["scored"] == 6
