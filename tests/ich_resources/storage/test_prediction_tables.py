"""Probabilities per class, per slice and per series, as the reference writes them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from contents import (
    ensemble_content,
    predictions_content,
    processed_content,
    processed_slice,
    saliency_content,
)

from ich_resources.hemorrhage import CLASSES
from ich_resources.reasons import Reason
from ich_resources.series import Remark, SeriesRecord, SliceRecord
from ich_resources.steps import ENSEMBLE, PROCESSED, SALIENCY
from ich_resources.storage.outcome import NotScored, SeriesOutcome
from ich_resources.storage.prediction_tables import (
    PER_SERIES_COLUMNS,
    UIDS,
    agreement,
    per_class_table,
    per_slice_table,
    provenance,
    series_row,
)
from ich_resources.storage.record import Record
from ich_resources.storage.saliency_schema import Pages
from ich_resources.storage.slice_tables import csv_bytes

TWO_SLICES = np.array([[0.5, 0.1, 0.2, 0.3, 0.4, 0.9], [0.6, 0.05, 0.7, 0.3, 0.1, 0.2]], np.float32)


def outcome(uid: str = "1.10", **prediction: object) -> SeriesOutcome:
    """Return a series of two scored slices and one refused, with one backbone behind it."""
    slices = tuple(SliceRecord(f"{i}.dcm", f"1.{i}", "d") for i in range(3))
    scored = tuple(processed_slice(uid) for uid in ("1.0", "1.1"))
    records = {
        PROCESSED: Record("", "", (), processed_content(slices=scored)),
        "densenet121_predictions": Record("", "", (), predictions_content(**prediction)),
        ENSEMBLE: Record("", "", (), ensemble_content()),
    }
    refused = NotScored("2.dcm", "1.2", "refused", "LOCALIZER", "a localizer")
    return SeriesOutcome(
        SeriesRecord("1.20", uid, "head", slices), records, "done", 2, 0, (refused,)
    )


def failed(uid: str) -> SeriesOutcome:
    found = outcome(uid)
    return SeriesOutcome(found.series, {}, "failed", 0, 0, (), failure="it cannot be decoded")


def test_slices_are_sorted_by_file_name():
    """By name, not UID: ``ID_1.2.3.png`` comes before ``ID_1.2.png``."""
    uids = ["1.9", "1.2", "1.10", "1.2.3"]
    values = np.arange(24, dtype=np.float32).reshape(4, 6) / 24
    found = per_slice_table(uids, values)
    assert list(found.columns) == ["ID", "filename", *CLASSES]
    assert found["filename"].to_list() == [
        "ID_1.10.png",
        "ID_1.2.3.png",
        "ID_1.2.png",
        "ID_1.9.png",
    ]
    assert found["ID"].to_list() == ["ID_1.10", "ID_1.2.3", "ID_1.2", "ID_1.9"]
    assert np.array_equal(found[list(CLASSES)].to_numpy(np.float32), values[[2, 3, 1, 0]])


def test_classes_of_each_slice_in_their_order():
    found = per_class_table(per_slice_table(["1.9", "1.2"], TWO_SLICES))
    assert list(found.columns) == ["ID", "Label"]
    assert found["ID"].to_list() == [
        f"ID_{uid}_{name}" for uid in ("1.2", "1.9") for name in CLASSES
    ]
    assert np.array_equal(found["Label"].to_numpy(np.float32), TWO_SLICES[::-1].ravel())


@pytest.mark.weights
def test_tables_are_those_of_the_reference(shared):
    """From its own probabilities in another order: the same bytes."""
    golden = shared / "golden"
    given = pd.read_csv(golden / "predictions_per_slice.csv").sample(frac=1, random_state=0)
    uids = given["ID"].str.removeprefix("ID_").to_list()
    found = per_slice_table(uids, given[list(CLASSES)].to_numpy(np.float32))
    assert csv_bytes(found) == (golden / "predictions_per_slice.csv").read_bytes()
    assert csv_bytes(per_class_table(found)) == (golden / "predictions.csv").read_bytes()


def test_nothing_scored_gives_headers_only():
    found = per_slice_table([], np.empty((0, 6), np.float32))
    assert csv_bytes(found).decode() == f"ID,filename,{','.join(CLASSES)}\n"
    assert csv_bytes(per_class_table(found)) == b"ID,Label\n"


def test_row_of_a_series():
    row = series_row(outcome(), TWO_SLICES)
    assert set(row) == {*PER_SERIES_COLUMNS, *UIDS}
    assert (row["series_id"], row["study_id"], row["state"]) == ("1.10", "1.20", "done")
    counts = [row[f"slices_{key}"] for key in ("found", "scored", "refused", "failed", "waiting")]
    assert counts == [3, 2, 1, 0, 0]
    assert row["max_any"] == pytest.approx(0.6) and row["slice_of_max_any"] == "ID_1.1"
    assert row["max_subdural"] == pytest.approx(0.9) and row["slice_of_max_subdural"] == "ID_1.0"
    assert row["slice_of_max_intraventricular"] == "ID_1.0", "the first of equals"
    assert (row["reasons"], row["highest_subtype"]) == ("LOCALIZER", "subdural")
    assert row["slice_number_of_max_any"] == 2, "as on the pages, from 1"
    assert (row["description"], row["doubtful"], row["earlier_result"]) == ("head", "", "")


def test_row_of_a_series_without_probabilities():
    row = series_row(failed("1.10"), None)
    assert set(row) == {*PER_SERIES_COLUMNS, *UIDS}
    assert all(row[f"max_{name}"] is None and row[f"slice_of_max_{name}"] == "" for name in CLASSES)
    assert (row["failure"], row["checkpoints"]) == ("it cannot be decoded", "")


def test_provenance_names_what_made_it():
    assert provenance(outcome()) == {
        "checkpoints": "DenseNet121_change_avg/model_epoch_best_0.pth:0123456789ab",
        "device": "cpu",
        "backend": "openvino",
        "precision": "float32",
        "slice_context": "replicated",
        "code_version": "1",
        "untrained_weights": "True",
    }


def test_provenance_that_an_older_version_did_not_record():
    assert provenance(outcome(backend=None))["backend"] == "not recorded"


def test_provenance_lists_what_differs_between_backbones():
    found = outcome()
    other = outcome(backbone="se_resnext101_32x4d", device="cuda:0 (H200)")
    prediction = other.records["densenet121_predictions"]
    mixed = SeriesOutcome(
        found.series,
        {**found.records, "se_resnext101_predictions": prediction},
        "done",
        2,
        0,
        (),
    )
    made_by = provenance(mixed)
    assert made_by["device"] == "cpu cuda:0 (H200)"
    assert made_by["precision"] == "float32"
    assert [c.split("/")[0] for c in made_by["checkpoints"].split()] == [
        "DenseNet121_change_avg",
        "se_resnext101_32x4d",
    ]


def test_agreement_of_the_checkpoints_on_the_deciding_slice():
    found = outcome()
    found.records[SALIENCY] = Record(
        "",
        "",
        (),
        saliency_content(
            pages=Pages(
                key_slices=(1,),
                checkpoints={
                    "DenseNet121_change_avg": (0.25, 0.75),
                    "se_resnext101_32x4d": (0.875,),
                },
            )
        ),
    )
    assert agreement(found, known=True) == {
        "lowest_checkpoint": 0.25,
        "highest_checkpoint": 0.875,
        "mean_DenseNet121_change_avg": 0.5,
        "mean_DenseNet169_change_avg": None,
        "mean_se_resnext101_32x4d": 0.875,
    }
    assert set(agreement(found, known=False).values()) == {None}
    assert set(agreement(outcome(), known=True).values()) == {None}, "an earlier version noted none"


def test_doubts_are_remarks_of_another_kind_of_picture_and_failed_checks():
    found = outcome()
    remarks = (Remark(Reason.CONTRAST, "agent"), Remark(Reason.GANTRY_TILT, "tilted"))
    contrast = replace(found, series=replace(found.series, remarks=remarks))
    row = series_row(contrast, TWO_SLICES, ("folds_agree",))
    assert (row["doubtful"], row["failed_checks"]) == ("CONTRAST, folds_agree", "folds_agree")
    assert "GANTRY_TILT: tilted" in row["remarks"]
