"""Fingerprints: equal recipes, and only those, have equal ones."""

import hashlib

import pytest

from ich_resources.recipe import CODE_VERSIONS, ensemble_recipe, fingerprint


def test_fingerprint_is_sha256_of_canonical_json():
    expected = hashlib.sha256(b'{"a":[1,2.5,null],"b":{"c":"x","d":true}}').hexdigest()
    assert fingerprint({"b": {"d": True, "c": "x"}, "a": [1, 2.5, None]}) == expected


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"a": "1"}, {"a": [1]}, {"b": 1}, {"a": 1, "b": None}, {}]
)
def test_other_recipe_other_fingerprint(other):
    assert fingerprint(other) != fingerprint({"a": 1})


def test_text_beyond_ascii():
    assert fingerprint({"a": "ä\udcff"}) != fingerprint({"a": "a"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_no_json_value(value):
    with pytest.raises((ValueError, TypeError)):
        fingerprint({"a": value})


def test_ensemble_recipe():
    a, b = {"x": "1", "y": "2"}, {"y": "2", "x": "1"}
    assert ensemble_recipe(a) == ensemble_recipe(b)
    others = [{"x": "1"}, {"x": "1", "y": "3"}, {"x": "2", "y": "1"}, {"x": "1", "z": "2"}]
    assert len({ensemble_recipe(recipe) for recipe in (a, *others)}) == 5


def test_ensemble_recipe_knows_the_code():
    expected = {"code": CODE_VERSIONS["ensemble_predictions"], "backbones": {"x": "1"}}
    assert ensemble_recipe({"x": "1"}) == fingerprint(expected)
