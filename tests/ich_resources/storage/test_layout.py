"""Where everything lies (docs/reference.md, section 6)."""

from pathlib import Path

import pytest

from ich_resources.storage.layout import Layout, slice_id
from ich_resources.subjects import series_subject

ROOT = Path("/run")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Layout(ROOT).slice_png("1.2.3"), "processed/png/ID_1.2.3.png"),
        (Layout(ROOT).series_csv("1.2"), "processed/csv/series_csv/1.2.csv"),
        (Layout(ROOT).study_csv("1.2"), "processed/csv/study_csv/1.2.csv"),
        (Layout(ROOT).csv, "processed/csv"),
        (Layout(ROOT).output, "output"),
        (Layout(ROOT).panels, "output/saliency_panels"),
        (Layout(ROOT).series_panels("1.2"), "output/saliency_panels/1.2"),
        (Layout(ROOT).ledger, "state/series_ledger.json"),
        (Layout(ROOT).record(series_subject("1.2"), "step"), "state/series/1.2/step.json"),
        (Layout(ROOT).begun(series_subject("1.2"), "step"), "state/series/1.2/step.begun.json"),
        (Layout(ROOT).array(series_subject("1.2"), "step"), "state/series/1.2/step.npy"),
        (Layout(ROOT).failure(series_subject("1.2")), "state/series/1.2/failure.json"),
    ],
)
def test_paths(found, expected):
    assert found == ROOT / expected


def test_the_id_of_a_slice_is_the_stem_of_its_png():
    assert slice_id("1.2.3.4") == "ID_1.2.3.4" == Layout(ROOT).slice_png("1.2.3.4").stem
