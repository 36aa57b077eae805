"""The table of steps: order, ends, and what every step must have."""

from typing import get_args

import pytest

from ich_resources.backbones.table import BACKBONES
from ich_resources.digests import fingerprint
from ich_resources.steps import (
    CODE_VERSIONS,
    DICOM_RESULTS,
    ENSEMBLE,
    PROCESSED,
    SALIENCY,
    SEQUENCE,
    SOURCE,
    STEPS,
    TRAINING_STEPS,
    Option,
    chosen_steps,
    ensemble_digest,
    final_steps,
    first_steps,
)
from ich_resources.storage.content import Content
from ich_resources.storage.schemas import SCHEMAS
from ich_resources.subjects import Subject, series_subject


@pytest.mark.parametrize("steps", [STEPS, TRAINING_STEPS], ids=["series", "training"])
def test_every_step_stands_after_the_steps_that_it_needs(steps):
    known = {SOURCE}
    for step in steps:
        assert set(step.needs) <= known, step
        known.add(step.name)
    assert len(known) == len(steps) + 1


def test_every_step_has_a_code_version_and_a_schema():
    codes = {step.code for step in (*STEPS, *TRAINING_STEPS)}
    assert codes == set(CODE_VERSIONS) == set(SCHEMAS)
    for schema in SCHEMAS.values():
        assert issubclass(schema, Content) and schema.format >= 1


def test_first_and_final_steps():
    assert first_steps("series") == (PROCESSED,)
    assert final_steps("series") == (SALIENCY,)


def test_a_backbone_that_is_not_chosen_has_no_step():
    one = list(BACKBONES.values())[1]
    names = [step.name for step in chosen_steps([one.name])]
    assert names == [PROCESSED, one.predictions_step, ENSEMBLE, SALIENCY]


def test_a_step_whose_option_is_off_is_left_out():
    assert {step.name: step.option for step in STEPS if step.option is not None} == {
        SEQUENCE: "sequence",
        DICOM_RESULTS: "dicom",
    }
    for on in [(), ("sequence",), ("dicom",), get_args(Option)]:
        left_out = [step for step in STEPS if step not in chosen_steps(BACKBONES, on)]
        assert left_out == [step for step in STEPS if step.option not in (None, *on)]
    assert chosen_steps(BACKBONES, get_args(Option)) == STEPS
    assert chosen_steps(BACKBONES) == tuple(step for step in STEPS if step.option is None)


def test_ensemble_digest():
    a, b = {"x": "1", "y": "2"}, {"y": "2", "x": "1"}
    assert ensemble_digest(a) == ensemble_digest(b)
    others = [{"x": "1"}, {"x": "1", "y": "3"}, {"x": "2", "y": "1"}, {"x": "1", "z": "2"}]
    assert len({ensemble_digest(predictions) for predictions in (a, *others)}) == 5


def test_the_ensemble_digest_has_the_code_version():
    expected = {"code": CODE_VERSIONS["ensemble_predictions"], "backbones": {"x": "1"}}
    assert ensemble_digest({"x": "1"}) == fingerprint(expected)


def test_a_subject_is_a_folder_below_its_kind():
    assert str(series_subject("1.2.3")) == "series/1.2.3"


@pytest.mark.parametrize("parts", [(), ("",), ("..",), (".",), ("a/b",), ("a", "b\0")])
def test_a_subject_with_another_name_is_an_error(parts):
    with pytest.raises(ValueError, match="not the name of a subject"):
        Subject("series", parts)
