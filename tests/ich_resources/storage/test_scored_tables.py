"""A run root's tables as an evaluation reads them."""

import pandas as pd
import pytest
from evaluated import MadeSeries, write_run_root

from ich_resources.errors import StorageError
from ich_resources.storage.evaluation_tables import small_panel, write_evaluation, write_table
from ich_resources.storage.layout import Layout
from ich_resources.storage.scored_networks import scored_by
from ich_resources.storage.scored_tables import read_scores

SERIES = [
    MadeSeries("s1", "A", ["1", "2", "3"], [(0.1,) * 6, (0.2,) * 6, (0.3,) * 6]),
    MadeSeries(
        "s2",
        "A",
        ["4", "5"],
        [(0.9,) * 6, (0.8,) * 6],
        remarks="BONE_KERNEL: kernel H60s; GANTRY_TILT: 12 degrees; NOT_A_CODE: x",
        distance=1.5,
        not_scored=[("6", "NO_PIXELS")],
    ),
    MadeSeries("s3", "B", state="refused", reasons="LOCALIZER x2", not_scored=[("7", "LOCALIZER")]),
    MadeSeries("s4", "C", state="failed", failure="not HU"),
    MadeSeries("s5", "D", state="waiting"),
]


def test_what_was_scored_and_what_was_not(tmp_path):
    write_run_root(tmp_path, SERIES)
    scores = read_scores(Layout(tmp_path))
    assert scores.slices == ("ID_1", "ID_2", "ID_3", "ID_4", "ID_5")
    assert scores.series == ("s1", "s1", "s1", "s2", "s2")
    assert scores.studies == ("A",) * 5
    assert scores.probabilities[:, 0].tolist() == [0.1, 0.2, 0.3, 0.9, 0.8]
    listed = {(u.slice_id, u.series, u.study, u.code) for u in scores.unscored}
    assert listed == {
        ("ID_6", "s2", "A", "NO_PIXELS"),
        ("ID_7", "s3", "B", "LOCALIZER"),
        ("", "s3", "B", "LOCALIZER"),
        ("", "s4", "C", "FAILED"),
        ("", "s5", "D", "WAITING"),
    }
    assert scores.facts == {
        "manufacturer": {"s1": "not recorded", "s2": "not recorded"},
        "model": {"s1": "not recorded", "s2": "not recorded"},
        "kernel": {"s1": "other", "s2": "bone"},
        "gantry tilt": {"s1": "no", "s2": "tilted"},
        "slice distance": {"s1": "above 4 mm", "s2": "below 2 mm"},
    }
    assert scores.weights.trained_on == "patients"
    assert scores.weights.text == "DenseNet121_change_avg x5 + se_resnext101_32x4d x5"


def test_untrained_weights_are_known_from_the_tables(tmp_path):
    write_run_root(tmp_path, SERIES, untrained="False True")
    assert "UNTRAINED" in read_scores(Layout(tmp_path)).weights.warning


def test_a_panel_outside_of_its_folder_is_not_taken(tmp_path):
    write_run_root(tmp_path, SERIES)
    folder = tmp_path / "output" / "saliency_panels"
    folder.mkdir()
    (folder / "all_slice_saliency_scores.csv").write_text(
        "series_id,filename,saved_png\ns1,ID_1.png,001_ID_1.png\n"
        "s1,ID_2.png,../../../secret.png\n../x,ID_3.png,a.png\n"
    )
    panels = read_scores(Layout(tmp_path)).panels
    assert panels == {"ID_1": "output/saliency_panels/s1/001_ID_1.png"}


@pytest.mark.parametrize("name", ["predictions_per_slice.csv", "series_ledger.csv"])
def test_a_missing_table_is_one_sentence_with_a_remedy(tmp_path, name):
    write_run_root(tmp_path, SERIES)
    (tmp_path / "output" / name).unlink()
    with pytest.raises(StorageError, match="run ich_batch"):
        read_scores(Layout(tmp_path))


def test_damaged_tables_are_an_error(tmp_path):
    write_run_root(tmp_path, SERIES)
    path = tmp_path / "output" / "predictions_per_slice.csv"
    whole = path.read_text()
    for damaged in (whole.replace("0.9", "1.9"), whole.replace("0.9", "x"), "ID\n1\n"):
        path.write_text(damaged)
        with pytest.raises(StorageError, match="table"):
            read_scores(Layout(tmp_path))


def test_series_without_records_cannot_bind_a_calibration(tmp_path):
    write_run_root(tmp_path, SERIES)
    with pytest.raises(StorageError, match="does not exist"):
        scored_by(Layout(tmp_path), ["s1"])
    with pytest.raises(StorageError, match="no series was scored"):
        scored_by(Layout(tmp_path), [])


def test_tables_begin_with_their_line_and_hold_no_formula(tmp_path):
    path = tmp_path / "t.csv"
    write_table(path, "Research use only | n", [{"a": "=1+1", "b": 3}, {"b": 4, "c": None}], ["a"])
    assert path.read_text().split("\n")[0] == "# Research use only | n"
    assert pd.read_csv(path, skiprows=1, dtype=str, keep_default_na=False).to_numpy().tolist() == [
        ["'=1+1", "3", ""],
        ["", "4", ""],
    ]
    write_table(path, "x", [], ["a", "b"])
    assert path.read_text() == "# x\na,b\n"


def test_the_page_is_written_last_and_withdrawn_first(tmp_path):
    write_evaluation(tmp_path, "x", {}, {"index.html": b"old"}, {})
    (tmp_path / "per_class.csv").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        write_evaluation(tmp_path, "x", {"per_class.csv": ([], ["a"])}, {"index.html": b"new"}, {})
    assert not (tmp_path / "index.html").exists()


def test_a_panel_that_is_no_picture_is_left_out(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert small_panel(tmp_path / "a.png") is None
    assert small_panel(tmp_path / "b.png") is None
