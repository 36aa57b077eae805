"""Names, rows and manifest entries of the panels, against the reference's own."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from ich_resources.backbones.table import BACKBONES
from ich_resources.findings import SliceSaliency
from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.saliency_tables import (
    SaliencySource,
    manifest_entry,
    panel_name,
    score_row,
)

BARS = np.array([0.5, 0.1, 0.2, 0.96351, 0.4, 0.0], np.float32)
WEIGHTS = [(name, "model_epoch_best_0.pth") for name in BACKBONES]


def saliency(backbones: list[str], combined: list[float]) -> SliceSaliency:
    return SliceSaliency(
        slice_map=np.zeros((512, 512), np.float32),
        score=0.25,
        target_class=4,
        combined=np.array(combined, np.float32),
        per_backbone={name: np.arange(6, dtype=np.float32) / 20 for name in backbones},
    )


def row(**changes: object) -> dict[str, object]:
    given = {
        "series_uid": "1.10",
        "index": 7,
        "sop_uid": "1.30",
        "saved_png": "007.png",
        "bars": BARS,
        "bar_source": "ensemble probabilities",
        "mode": "ensemble",
        "method": "gradcam",
        "weights": WEIGHTS,
        "saliency": saliency(list(BACKBONES), [0.1, 0.2, 0.3, 0.1, 0.1, 0.2]),
    }
    given |= changes
    about = ("series_uid", "mode", "method", "bar_source", "weights")
    source = SaliencySource(**{name: given.pop(name) for name in about})
    return score_row(source, **given)


@pytest.mark.parametrize(
    ("index", "probabilities", "score", "expected"),
    [
        (7, BARS, 0.123456, "007_pred-intraventricular_p0.964_s0.12346_ID_1.30.png"),
        (1234, np.full(6, 0.5), 1, "1234_pred-any_p0.500_s1.00000_ID_1.30.png"),
        (0, np.zeros(6), 0, "000_pred-any_p0.000_s0.00000_ID_1.30.png"),
    ],
)
def test_panel_name(index, probabilities, score, expected):
    assert panel_name(index, probabilities, score, "1.30") == expected


@pytest.fixture(params=["input_grad", "gradcam", "gradcampp"])
def golden(request, shared) -> pd.DataFrame:
    """What the reference wrote with one method."""
    return pd.read_csv(shared / "golden" / f"saliency_{request.param}.csv")


@pytest.mark.weights
def test_panel_names_are_those_of_the_reference(golden):
    for _, line in golden.iterrows():
        bars = line[[f"prob_{name}" for name in CLASSES]].to_numpy(np.float32)
        uid = line["filename"].removeprefix("ID_").removesuffix(".png")
        assert panel_name(line["seq_idx"], bars, line["saliency_score"], uid) == line["saved_png"]


@pytest.mark.weights
def test_rows_are_those_of_the_reference(golden):
    """The same columns in the same order, the same types, and the same row from its numbers."""
    line = golden.iloc[0]
    given = {
        name: line[[f"{name}_prob_{c}" for c in CLASSES]].to_numpy(np.float32) for name in BACKBONES
    }
    found = row(
        series_uid=line["series_id"],
        index=int(line["seq_idx"]),
        sop_uid=line["filename"].removeprefix("ID_").removesuffix(".png"),
        saved_png=line["saved_png"],
        bars=line[[f"prob_{c}" for c in CLASSES]].to_numpy(np.float32),
        method=line["saliency_method"],
        saliency=SliceSaliency(
            slice_map=np.zeros((512, 512), np.float32),
            score=line["saliency_score"],
            target_class=int(line["target_class_index"]),
            combined=line[[f"saliency_model_prob_{c}" for c in CLASSES]].to_numpy(np.float32),
            per_backbone=given,
        ),
    )
    assert list(found) == list(golden.columns)
    table = pd.DataFrame([found])
    assert (table.dtypes == golden.dtypes).all()
    numbers = [name for name, value in found.items() if isinstance(value, float)]
    np.testing.assert_allclose(table.loc[0, numbers].astype(float), line[numbers].astype(float))
    texts = [name for name in found if name not in numbers]
    assert table.loc[0, texts].to_list() == line[texts].to_list()


def test_row_of_the_ensemble():
    found = row()
    assert found["saliency_model_name"] == "ensemble"
    assert found["saliency_model_weight"] == ",".join(
        f"{name}:model_epoch_best_0.pth" for name in BACKBONES
    )
    assert (found["predicted_class_index"], found["predicted_class_name"]) == (3, CLASSES[3])
    assert found["saliency_model_predicted_class_name"] == CLASSES[2]
    assert found["target_class_index"] == 4
    assert found["prob_intraventricular"] == pytest.approx(0.96351)
    assert found["saliency_model_prob_intraparenchymal"] == pytest.approx(0.3)
    for name in BACKBONES:
        assert found[f"{name}_prob_subdural"] == pytest.approx(0.25)
        assert found[f"{name}_prob_norm_subdural"] == pytest.approx(5 / 15)


def test_row_of_a_single_network_names_it_alone():
    name = "se_resnext101_32x4d"
    found = row(
        mode="single",
        weights=[(name, "model_epoch_best_3.pth")],
        saliency=saliency([name], [0.9, 0, 0, 0, 0, 0]),
    )
    assert found["saliency_model_name"] == name
    assert found["saliency_model_weight"] == f"{name}:model_epoch_best_3.pth"
    assert {key.split("_prob")[0] for key in found if "_prob_" in key} == {
        "bar",
        "saliency_model",
        name,
    }


def test_a_row_is_plain_json():
    assert json.loads(json.dumps(row())) == row()


def test_manifest_entry():
    bars = np.array([[0.2, 0, 0, 0, 0.5, 0], [0.4, 0, 0, 0, 0.9, 0]], np.float32)
    entry = manifest_entry("1.10", bars, slices_failed=0, about={"slice_context": "adjacent"})
    assert {key: entry[key] for key in entry if key != "probabilities_mean"} == {
        "series_id": "1.10",
        "num_slices_exported": 2,
        "predicted_class_index": 4,
        "predicted_class_name": "subarachnoid",
        "predicted_class_is": "the class with the highest mean probability over the exported "
        "slices",
        "complete": True,
        "slices_failed": 0,
        "slice_context": "adjacent",
    }
    assert list(entry["probabilities_mean"]) == list(CLASSES)
    assert entry["probabilities_mean"] == pytest.approx(
        dict(zip(CLASSES, [0.3, 0, 0, 0, 0.7, 0], strict=True))
    )
    assert json.loads(json.dumps(entry)) == entry


def test_manifest_says_when_slices_failed():
    entry = manifest_entry("1.10", BARS[None], slices_failed=2, about={})
    assert entry["complete"] is False
    assert entry["slices_failed"] == 2


def test_a_network_that_is_sure_of_nothing_has_no_share_in_the_row():
    name = next(iter(BACKBONES))
    found = saliency([name], [0.1, 0.2, 0.3, 0.1, 0.1, 0.2])
    found = dataclasses.replace(found, per_backbone={name: np.zeros(6, np.float32)})
    shares = [row(saliency=found)[f"{name}_prob_norm_{label}"] for label in CLASSES]
    assert shares == [0.0] * 6
