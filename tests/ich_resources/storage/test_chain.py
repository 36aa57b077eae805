"""Which results belong together: a step whose input was made anew is left out."""

from dataclasses import replace

import pytest
from contents import ensemble_content, predictions_content, processed_content, saliency_content

from ich_resources.backbones.table import BACKBONES
from ich_resources.series import SeriesRecord, SliceRecord
from ich_resources.steps import ENSEMBLE, PROCESSED, SALIENCY, ensemble_digest
from ich_resources.storage.chain import consistent_records
from ich_resources.storage.layout import Layout
from ich_resources.storage.record import Record
from ich_resources.storage.records import Records
from ich_resources.subjects import series_subject

UID = "1.2.3"
SUBJECT = series_subject(UID)
SERIES = SeriesRecord("1.2", UID, "head", (SliceRecord("a.dcm", "1.2.3.1", "digest"),))
SCORES = f"output/saliency_panels/{UID}/slice_saliency_scores.csv"
FIRST, SECOND = list(BACKBONES.values())[:2]
VERSIONS = {FIRST.name: "first", SECOND.name: "second"}


def array(step: str) -> tuple[str, ...]:
    return (f"state/series/{UID}/{step}.npy",)


def prediction(version: str, images: str = "images", step: str = FIRST.predictions_step) -> Record:
    return Record("r", version, array(step), predictions_content(images=images))


WHOLE = {
    PROCESSED: Record(
        "r", "images", array(PROCESSED), processed_content(series_version=SERIES.version)
    ),
    FIRST.predictions_step: prediction("first"),
    SECOND.predictions_step: prediction("second", step=SECOND.predictions_step),
    ENSEMBLE: Record(
        ensemble_digest(VERSIONS),
        "ensemble",
        array(ENSEMBLE),
        ensemble_content(predictions={b.name: b.predictions_step for b in (FIRST, SECOND)}),
    ),
    SALIENCY: Record("r", "panels", (SCORES,), saliency_content(bars="ensemble")),
}


@pytest.fixture
def records(tmp_path):
    """A run root with every step of a series done."""
    records = Records(Layout(tmp_path))
    for name in (SCORES, *array("se_resnext101_predictions")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"whole")
    for step, record in WHOLE.items():
        (tmp_path / record.files[0]).write_bytes(b"whole")
        records.finish(SUBJECT, step, record)
    return records


def test_a_whole_chain(records):
    assert consistent_records(SERIES, records) == WHOLE


def test_the_ensemble_names_its_backbones(records):
    """Predictions of a backbone that the ensemble did not use are left out."""
    records.finish(
        SUBJECT, "se_resnext101_predictions", prediction("third", step="se_resnext101_predictions")
    )
    assert consistent_records(SERIES, records) == WHOLE


@pytest.mark.parametrize(
    "slices",
    [
        (replace(SERIES.slices[0], digest="other"),),
        (*SERIES.slices, SliceRecord("b.dcm", "1.2.3.2", "late")),
    ],
)
def test_a_series_that_has_changed_has_no_results(records, slices):
    assert consistent_records(replace(SERIES, slices=slices), records) == {}


@pytest.mark.parametrize(
    ("step", "anew", "left"),
    [
        (PROCESSED, None, []),
        (PROCESSED, replace(WHOLE[PROCESSED], data_version="other images"), [PROCESSED]),
        (FIRST.predictions_step, None, [PROCESSED, SECOND.predictions_step]),
        (SECOND.predictions_step, None, [PROCESSED, FIRST.predictions_step]),
        (
            SECOND.predictions_step,
            prediction("second", images="other images", step=SECOND.predictions_step),
            [PROCESSED, FIRST.predictions_step],
        ),
        (
            SECOND.predictions_step,
            prediction("other weights", step=SECOND.predictions_step),
            [PROCESSED, FIRST.predictions_step, SECOND.predictions_step],
        ),
        (ENSEMBLE, None, [PROCESSED, FIRST.predictions_step, SECOND.predictions_step]),
        (
            ENSEMBLE,
            replace(WHOLE[ENSEMBLE], data_version="other ensemble"),
            [PROCESSED, FIRST.predictions_step, SECOND.predictions_step, ENSEMBLE],
        ),
        (
            SALIENCY,
            None,
            [PROCESSED, FIRST.predictions_step, SECOND.predictions_step, ENSEMBLE],
        ),
    ],
)
def test_one_step_withdrawn_or_made_anew(records, step, anew, left):
    records.begin(SUBJECT, step)
    if anew is not None:
        records.finish(SUBJECT, step, anew)
    found = consistent_records(SERIES, records)
    assert list(found) == left
    assert all(found[name] == (anew if name == step else WHOLE[name]) for name in left)


def test_an_ensemble_of_other_predictions(records):
    other = replace(
        WHOLE[ENSEMBLE], inputs_digest=ensemble_digest(VERSIONS | {FIRST.name: "other"})
    )
    records.finish(SUBJECT, ENSEMBLE, other)
    found = consistent_records(SERIES, records)
    assert ENSEMBLE not in found and SALIENCY not in found
    assert {FIRST.predictions_step, SECOND.predictions_step} <= found.keys()
