"""The import contracts of pyproject.toml that list packages one by one are complete."""

import tomllib

import pytest


@pytest.fixture(scope="module")
def contracts(pytestconfig) -> list[dict]:
    text = (pytestconfig.rootpath / "pyproject.toml").read_text()
    return tomllib.loads(text)["tool"]["importlinter"]["contracts"]


def test_the_demo_knows_no_other_package_than_training(contracts):
    """Import-linter has no wildcard for all siblings but one. The layers have every package."""
    (layers,) = [c["layers"] for c in contracts if c.get("containers") == ["ich_resources"]]
    (packages,) = [names for layer in layers if "inference" in (names := layer.split(" | "))]
    (demo,) = [c for c in contracts if c.get("source_modules") == ["ich_resources.demo"]]
    assert "training" in packages
    forbidden = {f"ich_resources.{name}" for name in packages if name != "training"}
    assert set(demo["forbidden_modules"]) == forbidden


def test_no_layer_is_optional(contracts):
    """A module that is renamed would leave its place in an optional layer without a word."""
    layers = [layer for c in contracts for layer in c.get("layers", ())]
    assert layers
    assert not [layer for layer in layers if "(" in layer]
