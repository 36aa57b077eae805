"""Rules of priority: the first that fits counts, and what is not a rule is named."""

import pytest

from ich_resources.errors import IchError
from ich_resources.inbox.priorities import priority_of, rules_from

RULES = rules_from(
    [
        {"field": "sender", "pattern": "^CT_ER$", "priority": 20},
        {"field": "folder", "pattern": "stroke|trauma", "priority": 10},
        {"field": "study_description", "pattern": "follow.?up", "priority": -5},
        {"field": "body_part", "pattern": "head", "priority": 1},
    ]
)


@pytest.mark.parametrize(
    ("values", "priority"),
    [
        ({}, 0),
        ({"sender": ["CT_ER"], "folder": ["stroke"]}, 20),
        ({"sender": ["ct_er"]}, 20),
        ({"sender": ["CT_ER2"], "folder": ["a/TRAUMA/b"]}, 10),
        ({"folder": ["a", "b/Stroke"]}, 10),
        ({"study_description": ["CT head follow-up"], "body_part": ["HEAD"]}, -5),
        ({"body_part": ["HEAD"]}, 1),
        ({"body_part": ["NECK"]}, 0),
    ],
)
def test_the_first_rule_that_fits_counts(values, priority):
    assert priority_of(RULES, values) == priority


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"field": "room", "pattern": "x", "priority": 1}, "'room' is not a field"),
        ({"field": "folder", "pattern": "(", "priority": 1}, "'\\(' is not a regular expression"),
        ({"field": "folder", "pattern": 5, "priority": 1}, "5 is not a regular expression"),
        ({"field": "folder", "pattern": "x", "priority": 1.5}, "1.5 is not a whole number"),
        ({"field": "folder", "pattern": "x", "priority": True}, "True is not a whole number"),
        ({"field": "folder", "pattern": "x", "priority": "1"}, "'1' is not a whole number"),
        ({"field": "folder", "pattern": "x"}, "it needs field, pattern and priority"),
        ({"field": "folder", "pattern": "x", "priority": 1, "then": 2}, "not .*then"),
        ("folder", "not 'folder'"),
        ({}, "not nothing"),
    ],
    ids=[
        "field",
        "pattern",
        "number",
        "half",
        "truth",
        "text",
        "missing",
        "too many",
        "no mapping",
        "empty",
    ],
)
def test_what_is_not_a_rule_is_named_with_its_number(rule, message):
    good = {"field": "folder", "pattern": "x", "priority": 1}
    with pytest.raises(IchError, match=f"inbox.priorities, rule 2: .*{message}") as caught:
        rules_from([good, rule])
    assert "field: folder, pattern" in caught.value.remedy
