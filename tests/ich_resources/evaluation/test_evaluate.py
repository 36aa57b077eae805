"""Twenty slices counted on paper, and what an evaluation says beside its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from ich_resources.errors import IchError
from ich_resources.evaluation.evaluate import evaluate
from ich_resources.evaluation.outcome import Options
from ich_resources.evaluation.report import case_rows, first_line, per_class_rows, plain_report
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Labels
from ich_resources.scores import Scores, Weights

QUICK = Options(bootstrap=200, level="slice", threshold=0.5)

# (P(any) in per cent, label of any), by series; five series of four slices, a patient each.
ON_PAPER = {
    "s1": [(90, 1), (80, 1), (40, 0), (10, 0)],
    "s2": [(70, 0), (30, 1), (20, 0), (10, 0)],
    "s3": [(60, 1), (50, 1), (30, 0), (20, 0)],
    "s4": [(50, 0), (20, 0), (10, 0), (10, 0)],
    "s5": [(40, 0), (20, 0), (10, 0), (0, 0)],
}
# By slice at 0.5: hits 90 80 60 50, missed 30, false alarms 70 50, the other 13 rightly negative.
# Pairs: 15 negatives 70 50 40 40 30 20 20 20 20 10 10 10 10 10 0.
#   90, 80: 15 each. 60: 14. 50: 13 + 1/2. 30: 10 + 1/2. Sum 68 of 75.
# By series: highest 90 (bleed) 70 (bleed) 60 (bleed) 50 (none) 40 (none): AUC 1.


def _made(weights: Weights | None = None) -> tuple[Scores, Labels]:
    rows = [(s, i, *row) for s, slices in ON_PAPER.items() for i, row in enumerate(slices)]
    p = np.array([[row[2] / 100] * 6 for row in rows])
    p[:, CLASSES.index("subdural")] += 0.001  # the most probable subtype
    values = np.zeros((len(rows), 6), np.float32)
    values[:, 0] = [row[3] for row in rows]
    values[:, CLASSES.index("subdural")] = values[:, 0]
    values[0, CLASSES.index("epidural")] = 1
    names = tuple(f"{s}.{i}" for s, i, *_ in rows)
    scores = Scores(
        tuple(f"ID_{name}" for name in names),
        tuple(row[0] for row in rows),
        tuple(f"study {row[0]}" for row in rows),
        p,
        weights or Weights("two networks"),
        panels={"ID_s2.1": "output/saliency_panels/s2/001.png"},
        facts={"kernel": {"s1": "bone", "s2": "bone", "s3": "bone", "s4": "other", "s5": "other"}},
    )
    return scores, Labels("slice", names, values)


def test_twenty_slices_counted_on_paper():
    found = evaluate(*_made(), QUICK)
    by_slice, by_series = found.levels
    assert (by_slice.cases, by_slice.patients, by_slice.asked) == (20, 5, 20)
    bleeds = by_slice.classes[0]
    assert (bleeds.cases, bleeds.positives) == (20, 5)
    assert bleeds.auc == pytest.approx(68 / 75)
    assert bleeds.interval.how == "bootstrap over patients"
    point = found.point
    counts = (point.true_positives, point.false_negatives)
    assert (*counts, point.false_positives, point.true_negatives) == (4, 1, 2, 13)
    assert (point.sensitivity.value, point.specificity.value) == (0.8, 13 / 15)
    assert point.ppv == pytest.approx(4 / 6) and point.npv == pytest.approx(13 / 14)
    brier = [10, 20, 40, 10, 70, 70, 20, 10, 40, 50, 30, 20, 50, 20, 10, 10, 40, 20, 10, 0]
    assert bleeds.brier == pytest.approx(sum(b * b for b in brier) / 20 / 10_000)
    assert (by_series.cases, by_series.classes[0].auc) == (5, 1.0)
    assert by_series.classes[0].interval is None and "no interval" in by_series.classes[0].remark
    missed = found.with_verdict("missed")
    assert [(c.id, c.panel) for c in missed] == [("ID_s2.1", "output/saliency_panels/s2/001.png")]
    assert {c.id for c in found.with_verdict("false alarm")} == {"ID_s2.0", "ID_s4.0"}
    assert found.subtypes.together[0][0] == 1 and found.subtypes.together[4][4] == 5
    assert found.subtypes.together[0][4] == 1
    assert (found.subtypes.hits.hits, found.subtypes.hits.of) == (5, 5)


def test_too_few_positives_have_a_dash_and_no_half():
    epidural = evaluate(*_made(), QUICK).levels[0].classes[1]
    assert epidural.positives == 1 and epidural.auc is None and epidural.interval is None
    assert "fewer than 2" in epidural.remark


def test_series_are_the_main_level_and_a_missed_one_shows_its_bleeding_slice():
    found = evaluate(*_made(), replace(QUICK, level="auto", threshold=0.75))
    assert found.main == "series"
    rows = case_rows(found, "missed")
    assert [(r["series_id"], r["p_any"], r["slice"]) for r in rows] == [
        ("s3", 0.6, "ID_s3.0"),
        ("s2", 0.7, "ID_s2.1"),  # not ID_s2.0, which is higher and has no bleed
    ]
    assert rows[1]["panel"] == "output/saliency_panels/s2/001.png"
    assert [(g.value, g.cases, g.positives) for g in found.subgroups] == [
        ("bone", 3, 3),
        ("other", 2, 0),
    ]
    assert all("fewer than 10 positives" in g.remark for g in found.subgroups)


def test_a_chosen_threshold_says_on_which_patients_it_was_chosen():
    same = evaluate(*_made(), replace(QUICK, threshold=None, sensitivity=0.8))
    assert same.point.threshold == 0.5 and same.chosen_on["cases"] == 20
    assert any("same cases" in note for note in same.notes)
    halves = evaluate(*_made(), replace(QUICK, threshold=None, halves=True))
    assert halves.point.reported_on == "the other half of the patients"
    chosen, reported = halves.chosen_on["cases"], halves.point.sensitivity.of
    assert chosen in (8, 12) and reported < 5
    assert not any("same cases" in note for note in halves.notes)


def test_labels_without_a_bleed_leave_the_threshold_open_and_no_case_missed():
    scores, labels = _made()
    found = evaluate(
        scores, Labels("slice", labels.ids, labels.values * 0), replace(QUICK, threshold=None)
    )
    assert found.point is None and any("No threshold" in note for note in found.notes)
    assert {case.verdict for case in found.cases} == {""}
    assert found.levels[0].classes[0].auc is None


def test_fewer_than_asked_is_named_in_every_first_line():
    scores, labels = _made(Weights("two networks", "nothing"))
    values = np.concatenate([labels.values, labels.values[:1]])
    found = evaluate(scores, Labels("slice", (*labels.ids, "lost"), values), QUICK)
    line = first_line(found)
    assert "20 of 21 labelled slices; 5 patients" in line
    assert "Research use only" in line and "UNTRAINED" in line and "two networks" in line
    assert plain_report(found)["about"] == line
    assert "," not in line and "\n" not in line
    assert {row["asked"] for row in per_class_rows(found) if row["level"] == "slice"} == {21}


def test_a_calibration_is_fitted_on_one_half_and_reported_on_the_other():
    scores, labels = _made()
    found = evaluate(scores, labels, replace(QUICK, fit="temperature"))
    fitted = found.fitted
    assert fitted.fitted_on["patients"] + fitted.after.patients == 5
    assert fitted.fitted_on["slices"] + fitted.after.cases == 20
    assert fitted.before.weighted_log_loss != fitted.after.weighted_log_loss
    # Class by class the order stays, so the AUC does.
    assert [c.auc for c in fitted.before.classes] == [c.auc for c in fitted.after.classes]
    one = Labels("slice", labels.ids[:4], labels.values[:4])
    with pytest.raises(IchError, match="at least two patients"):
        evaluate(scores, one, replace(QUICK, fit="temperature"))


def test_patients_and_personal_columns_reach_no_result():
    scores, labels = _made()
    columns = {
        "site": {i: "north" if n < 10 else "south" for n, i in enumerate(labels.ids)},
        "PatientName": dict.fromkeys(labels.ids, "Doe"),
        "comment": {i: f"text {i}" for i in labels.ids},
    }
    patients = {i: f"Secret-{i[:2]}" for i in labels.ids}
    named = Labels("slice", labels.ids, labels.values, patients, columns)
    found = evaluate(scores, named, QUICK)
    text = str(plain_report(found))
    assert "north" in text
    assert "Doe" not in text and "Secret" not in text and "text s1" not in text
    assert found.levels[0].patients == 5


def test_two_runs_are_compared_in_pairs():
    scores, labels = _made()
    worse = replace(scores, probabilities=1 - scores.probabilities)
    found = evaluate(scores, labels, QUICK, worse).comparison
    loss, area = found.differences[0], found.differences[1]
    assert (found.cases, found.only_this, found.only_other) == (20, 0, 0)
    assert area.this == pytest.approx(68 / 75) and area.other == pytest.approx(7 / 75)
    assert area.difference == pytest.approx(61 / 75)
    assert loss.difference < 0 and loss.interval.high < 0
    same = evaluate(scores, labels, QUICK, scores).comparison.differences[1]
    assert same.difference == 0 and same.interval is None
    part = replace(
        scores,
        slices=scores.slices[:16],
        series=scores.series[:16],
        studies=scores.studies[:16],
        probabilities=scores.probabilities[:16],
    )
    fewer = evaluate(scores, labels, QUICK, part).comparison
    assert (fewer.cases, fewer.only_this) == (16, 4)


def test_studies_that_the_networks_were_trained_on_are_named_and_fit_nothing():
    scores, labels = _made()
    seen = replace(scores, seen=frozenset({"s5", "s9"}))
    found = evaluate(seen, labels, QUICK)
    assert "TRAINED ON THE STUDIES OF 4 of 20 labelled slices" in first_line(found)
    assert any("on others they will do worse" in note for note in found.notes)
    fit = replace(QUICK, fit="temperature")
    with pytest.raises(IchError, match=r"4 of 20 labelled slices.*-> take labels of other"):
        evaluate(seen, labels, fit)
    others = Labels("slice", labels.ids[:16], labels.values[:16])  # none of s5
    assert evaluate(seen, others, fit).fitted is not None
    assert "TRAINED ON" not in first_line(evaluate(scores, labels, QUICK))
