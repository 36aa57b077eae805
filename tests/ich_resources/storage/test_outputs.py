"""The files people take away, from a run root with a few series in it."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from contents import ensemble_content, processed_content, processed_slice, saliency_content

from ich_resources.errors import StorageError
from ich_resources.hemorrhage import CLASSES
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, SeriesRecord, SliceRecord, UnassignedFile
from ich_resources.steps import ENSEMBLE, PROCESSED, SALIENCY
from ich_resources.storage import outputs
from ich_resources.storage.arrays import write_array
from ich_resources.storage.failures import Failure
from ich_resources.storage.files import write_bytes
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger_tables import write_ledger_tables
from ich_resources.storage.outcome import SeriesOutcome, judge_outcome
from ich_resources.storage.record import Record
from ich_resources.storage.records import Records
from ich_resources.storage.series_tables import write_series_tables
from ich_resources.storage.shown_arrays import shown_probabilities
from ich_resources.storage.slice_tables import META_COLUMNS, SLICES_COLUMNS, csv_bytes
from ich_resources.subjects import series_subject

SCOUT = Judgement("refused", Reason.LOCALIZER, "a localizer")


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


def finished(layout: Layout, uid: str, z: dict[str, float], highest: float) -> SeriesOutcome:
    """Write what the steps write of a series of study 1.20, and return its outcome."""
    slices = tuple(SliceRecord(f"in/{sop}", sop, "d") for sop in z)
    series = SeriesRecord("1.20", uid, "", slices)
    done = tuple(processed_slice(s, path=f"in/{s}", position_z=z[s]) for s in z)
    subject = series_subject(uid)
    ensemble = np.full((len(z), 6), 0.1, np.float32)
    ensemble[-1, 0] = highest
    write_array(layout.array(subject, ENSEMBLE), ensemble)
    scores = [
        {"series_id": uid, "seq_idx": i, "filename": f"ID_{s}.png", "saliency_score": 0.1 + i / 3}
        for i, s in enumerate(z)
    ]
    path = layout.series_panels(uid) / "slice_saliency_scores.csv"
    write_bytes(path, csv_bytes(pd.DataFrame(scores)))
    records = {
        PROCESSED: Record("", "", (), processed_content(slices=done)),
        ENSEMBLE: Record("", "", (f"state/series/{uid}/{ENSEMBLE}.npy",), ensemble_content()),
        SALIENCY: Record("", "", (), saliency_content(entry={"series_id": uid})),
    }
    Records(layout).finish(subject, ENSEMBLE, records[ENSEMBLE])
    records[ENSEMBLE] = Records(layout).find(subject, ENSEMBLE)
    return judge_outcome(series, records, None)


@pytest.fixture
def outcomes(layout):
    """Two series of one study, a scout, and one that failed; their UIDs look like numbers."""
    failed = SeriesRecord("1.20", "1.50", "", (SliceRecord("f", "1.51", "d"),))
    scout = SeriesRecord("1.20", "1.60", "", (SliceRecord("s", "1.61", "d", SCOUT),))
    return [
        finished(layout, "1.10", {"1.30": -5.5, "1.4": 10.0}, 0.5),
        finished(layout, "1.9", {"1.70": 0.1 + 0.2, "1.8": 10.0}, 0.75),
        judge_outcome(failed, {}, Failure(PROCESSED, "E", "no use")),
        judge_outcome(scout, {}, None),
    ]


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def write(layout, outcomes) -> pd.DataFrame:
    return outputs.write_slice_tables(layout, outcomes, shown_probabilities(layout, outcomes))


def test_predictions_over_all_series(layout, outcomes):
    per_slice = write(layout, outcomes)
    names = ["ID_1.30.png", "ID_1.4.png", "ID_1.70.png", "ID_1.8.png"]
    assert per_slice["filename"].to_list() == names
    assert per_slice["any"].to_list() == pytest.approx([0.1, 0.5, 0.1, 0.75])
    assert (layout.output / "predictions_per_slice.csv").read_bytes() == csv_bytes(per_slice)
    labels = read(layout.output / "predictions.csv")
    assert labels["ID"].to_list() == [
        f"{name.removesuffix('.png')}_{c}" for name in names for c in CLASSES
    ]


def test_slices_join_series_study_number_and_position(layout, outcomes):
    per_slice = write(layout, outcomes).set_index("ID")
    table = read(layout.output / "slices.csv")
    assert tuple(table.columns) == SLICES_COLUMNS
    assert table["series_id"].to_list() == ["1.10", "1.10", "1.9", "1.9"]
    assert table["slice_number"].to_list() == ["1", "2", "1", "2"]
    assert table["position_z"].to_list() == ["-5.5", "10.0", "0.30000000000000004", "10.0"]
    assert set(table["study_id"]) == {"1.20"}
    for _, row in table.iterrows():
        assert row["ID"] == f"ID_{row['sop_instance_uid']}"
        assert [float(row[name]) for name in CLASSES] == list(
            per_slice.loc[row["ID"], list(CLASSES)]
        )


def test_a_result_that_is_gone_is_an_error(layout, outcomes):
    layout.array(series_subject("1.9"), ENSEMBLE).unlink()
    with pytest.raises(StorageError) as caught:
        write(layout, outcomes)
    assert caught.value.path == layout.array(series_subject("1.9"), ENSEMBLE)
    assert "run the batch again" in caught.value.remedy


def test_a_series_scored_anew_meanwhile_is_an_error(layout, outcomes):
    """The new numbers must not stand in the row of the old version."""
    other = Record("", "another", (), ensemble_content())
    Records(layout).finish(series_subject("1.9"), ENSEMBLE, other)
    with pytest.raises(StorageError, match="scored the series again while the tables were written"):
        write(layout, outcomes)


def test_ledger_tables(layout, outcomes):
    unassigned = UnassignedFile("x", Judgement("failed", Reason.UNREADABLE, "broken"))
    ledger = Ledger(("/in",), tuple(o.series for o in outcomes), (unassigned,), 7, 0)
    series, not_scored = write_ledger_tables(layout, ledger, outcomes)
    assert (layout.output / "series_ledger.csv").read_bytes() == csv_bytes(series)
    assert (layout.output / "slices_not_scored.csv").read_bytes() == csv_bytes(not_scored)
    assert series["state"].to_list() == ["done", "done", "failed", "refused"]
    assert not_scored["path"].to_list() == ["f", "s", "x"]


def test_saliency_of_all_series_as_each_wrote_it(layout, outcomes):
    outputs.write_saliency_tables(layout, outcomes)
    manifest = json.loads((layout.panels / "run_manifest.json").read_text())
    assert manifest == [{"series_id": "1.10"}, {"series_id": "1.9"}]
    each = [
        (layout.series_panels(uid) / "slice_saliency_scores.csv").read_text()
        for uid in ("1.10", "1.9")
    ]
    rows = each[1].split("\n", 1)[1]
    assert (layout.panels / "all_slice_saliency_scores.csv").read_text() == each[0] + rows


def test_saliency_of_different_networks_keeps_every_column(layout, outcomes):
    path = layout.series_panels("1.9") / "slice_saliency_scores.csv"
    write_bytes(path, b"series_id,other_prob_any\n1.9,0.5\n")
    outputs.write_saliency_tables(layout, outcomes)
    table = read(layout.panels / "all_slice_saliency_scores.csv")
    assert table["series_id"].to_list() == ["1.10", "1.10", "1.9"]
    assert table["other_prob_any"].to_list() == ["", "", "0.5"]
    assert table["seq_idx"].to_list() == ["0", "1", ""]


@pytest.mark.parametrize(
    ("group_by", "slice_ids", "series"),
    [
        ("series", ["1.10_0", "1.10_1", "1.9_0", "1.9_1"], ["1.10", "1.10", "1.9", "1.9"]),
        ("study", ["1.20_0", "1.20_1", "1.20_2", "1.20_3"], ["1.10", "1.9", "1.10", "1.9"]),
    ],
)
def test_numbering_by_series_or_study(layout, outcomes, group_by, slice_ids, series):
    outputs.write_processed_tables(layout, outcomes, group_by=group_by)
    meta = read(layout.csv / "test_meta_id_seriser.csv")
    assert tuple(meta.columns) == META_COLUMNS
    assert meta["slice_id"].to_list() == slice_ids
    assert meta["SeriesInstance"].to_list() == series
    assert set(meta["StudyInstance"]) == {"1.20"}
    study = read(layout.study_csv("1.20"))
    assert study["slice_id"].to_list() == [f"1.20_{i}" for i in range(4)]
    assert study["sop_instance_uid"].to_list() == ["1.30", "1.70", "1.4", "1.8"]
    assert study["Position2"].to_list() == ["-5.5", "0.30000000000000004", "10.0", "10.0"]


def test_standard_table_and_summary(layout, outcomes):
    outputs.write_processed_tables(layout, outcomes, group_by="series")
    standard = read(layout.csv / "standard_test.csv")
    names = ["ID_1.30.png", "ID_1.4.png", "ID_1.70.png", "ID_1.8.png"]
    assert standard["filename"].to_list() == names
    assert json.loads((layout.csv / "summary.json").read_text()) == {
        "group_by": "series",
        "num_slices": 4,
        "num_series": 2,
        "num_studies": 1,
        "slices_refused": 1,
        "slices_failed": 1,
    }


@pytest.mark.parametrize("group_by", ["series", "study"])
def test_no_series_at_all(layout, group_by):
    """Every file is there, with its header and nothing else."""
    ledger = Ledger(("/in",), (), (), 0, 0)
    write_ledger_tables(layout, ledger, [])
    per_slice = write(layout, [])
    write_series_tables(layout, [], (), None)
    outputs.write_saliency_tables(layout, [])
    outputs.write_processed_tables(layout, [], group_by=group_by)
    assert len(per_slice) == 0
    tables = [*layout.output.rglob("*.csv"), *layout.csv.rglob("*.csv")]
    assert len(tables) == 10
    for path in tables:
        content = path.read_bytes()
        assert content.count(b"\n") == 1
        assert len(pd.read_csv(io.BytesIO(content))) == 0
    assert json.loads((layout.panels / "run_manifest.json").read_text()) == []
    assert json.loads((layout.csv / "summary.json").read_text())["num_slices"] == 0


def test_report(layout):
    path = outputs.write_report(layout, {"series": [], "seconds": None})
    assert path == layout.output / "run_report.json"
    assert json.loads(path.read_text()) == {"series": [], "seconds": None}
