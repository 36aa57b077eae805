"""Labels and probabilities: nothing is matched or left out in silence."""

import numpy as np
import pytest

from ich_resources.errors import IchError
from ich_resources.evaluation.pairing import pair
from ich_resources.labels import Labels
from ich_resources.scores import Scores, Unscored, Weights

NAN = np.nan


def _scores(**changes) -> Scores:
    """Two studies; study A has the series a1 (three slices) and a2 (one), study B the series b."""
    values = {
        "slices": ("ID_1", "ID_2", "ID_3", "ID_4", "ID_5", "ID_6"),
        "series": ("a1", "a1", "a1", "a2", "b", "b"),
        "studies": ("A", "A", "A", "A", "B", "B"),
        "probabilities": np.repeat(np.array([0.1, 0.7, 0.2, 0.9, 0.3, 0.4])[:, None], 6, axis=1),
        "weights": Weights("x"),
        "unscored": (
            Unscored("ID_7", "b", "B", "TRUNCATED", "the file ends early"),
            Unscored("ID_8", "c", "C", "LOCALIZER", "a localizer"),
            Unscored("", "c", "C", "LOCALIZER", "the series is refused"),
        ),
    }
    return Scores(**(values | changes))


def _labels(level, any_labels: dict[str, float], **changes) -> Labels:
    values = np.full((len(any_labels), 6), NAN, np.float32)
    values[:, 0] = list(any_labels.values())
    return Labels(level, tuple(any_labels), values, **changes)


def test_slices_meet_under_their_identifier_with_and_without_prefix():
    pairs = pair(_scores(), _labels("slice", {"ID_2": 1, "1": 0}))
    cases = pairs.level("slice")
    assert dict(zip(cases.ids, cases.labels[:, 0], strict=True)) == {"ID_1": 0, "ID_2": 1}
    assert cases.probabilities[:, 0].tolist() == [0.1, 0.7]


def test_a_missing_prediction_and_a_missing_label_are_listed():
    pairs = pair(_scores(), _labels("slice", {"1": 0, "2": 1, "nowhere": 1}))
    listed = {(u.what, u.id): (u.code, u.any_label) for u in pairs.unpaired}
    assert listed == {
        ("label", "ID_nowhere"): ("NOT_FOUND", "1"),
        ("prediction", "ID_3"): ("NO_LABEL", ""),
        ("prediction", "ID_4"): ("NO_LABEL", ""),
        ("prediction", "ID_5"): ("NO_LABEL", ""),
        ("prediction", "ID_6"): ("NO_LABEL", ""),
    }
    assert pairs.asked["slice"] == 3 and len(pairs.level("slice")) == 2


@pytest.mark.parametrize(
    ("level", "name", "code"),
    [
        ("slice", "8", "LOCALIZER"),
        ("slice", "7", "TRUNCATED"),
        ("series", "c", "LOCALIZER"),
        ("study", "C", "LOCALIZER"),
    ],
)
def test_a_label_of_what_was_refused_or_failed_is_listed_with_its_code(level, name, code):
    known = {"slice": "1", "series": "b", "study": "B"}[level]
    pairs = pair(_scores(), _labels(level, {known: 1, name: 1}))
    listed = [u for u in pairs.unpaired if u.what == "label"]
    assert [(u.level, u.code) for u in listed] == [(level, code)]
    assert listed[0].reason


def test_a_series_has_its_highest_slice_and_a_bleed_anywhere_is_one_of_the_series():
    pairs = pair(_scores(), _labels("slice", {"1": 0, "2": 1, "3": 0, "4": 0, "5": 0, "6": 0}))
    series = pairs.level("series")
    assert dict(zip(series.ids, series.probabilities[:, 0], strict=True)) == {
        "a1": 0.7,
        "a2": 0.9,
        "b": 0.4,
    }
    assert dict(zip(series.ids, series.labels[:, 0], strict=True)) == {"a1": 1, "a2": 0, "b": 0}
    study = pairs.level("study")
    assert study.probabilities[:, 0].tolist() == [0.9, 0.4]
    assert study.labels[:, 0].tolist() == [1, 0]
    assert study.series == ("a2", "b")


def test_a_series_with_unlabelled_slices_is_not_taken_for_free_of_a_bleed():
    pairs = pair(_scores(), _labels("slice", {"1": 0, "2": 0, "5": 1}))
    series = pairs.level("series")
    assert dict(zip(series.ids, series.labels[:, 0], strict=True)) == {"b": 1}


def test_a_bleed_on_a_slice_that_failed_is_a_bleed_of_its_series():
    pairs = pair(_scores(), _labels("slice", {"5": 0, "6": 0, "7": 1}))
    assert pairs.level("series").labels[:, 0].tolist() == [1]
    assert [u.code for u in pairs.unpaired if u.what == "label"] == ["TRUNCATED"]


def test_contradicting_rows_are_an_error():
    with pytest.raises(IchError, match="contradict"):
        pair(_scores(), _labels("slice", {"1": 0, "ID_1": 1}))


def test_a_study_with_two_patients_is_an_error_that_names_no_patient():
    labels = _labels("slice", {"1": 0, "4": 1}, patients={"1": "Doe", "4": "Roe"})
    with pytest.raises(IchError, match="two patients for the study A") as error:
        pair(_scores(), labels)
    assert "Doe" not in str(error.value) and "Roe" not in str(error.value)


def test_patients_come_from_the_labels_else_from_the_studies():
    named = _labels("series", {"a1": 0, "b": 1}, patients={"a1": "P", "b": "P"})
    assert len(set(pair(_scores(), named).levels[0].patients)) == 1
    plain = pair(_scores(), _labels("series", {"a1": 0, "b": 1}))
    assert len(set(plain.levels[0].patients)) == 2
    assert plain.patients_from == "studies"


def test_labels_of_another_folder_are_an_error():
    with pytest.raises(IchError, match="none of the 2 labels"):
        pair(_scores(), _labels("slice", {"x": 0, "y": 1}))


def test_a_level_that_the_labels_do_not_give_is_an_error():
    pairs = pair(_scores(), _labels("study", {"A": 1, "B": 0}))
    with pytest.raises(IchError, match="cannot be judged by slice"):
        pairs.level("slice")
