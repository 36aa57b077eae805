"""What the texts say of the code is what the code says."""

import re

import pytest

from ich_assets.checks import CHECKS
from ich_assets.definitions import defs
from ich_resources import environment
from ich_resources.backbones.table import BACKBONES, FOLDS, checkpoint_name


@pytest.fixture(scope="module")
def texts(pytestconfig) -> dict[str, str]:
    names = ("README.md", "ARCHITECTURE.md", "models/README.md")
    return {name: (pytestconfig.rootpath / name).read_text() for name in names}


def _first_cells(text: str, heading: str) -> list[str]:
    """Return the code in the first column of the table below a heading row."""
    table = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [code for row in table for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_variables(texts):
    names = {v for k, v in vars(environment).items() if k.isupper() and isinstance(v, str)}
    assert set(_first_cells(texts["README.md"], "| variable |")) == names


def test_fields(texts):
    named = _first_cells(texts["README.md"], "| field |")
    assert len(named) > 10
    for name in named:
        resource, field = name.split(".")
        assert field in type(defs.resources[resource]).model_fields, name


def test_jobs(texts):
    named = set(_first_cells(texts["README.md"], "| job |"))
    assert named == {job.name for job in defs.jobs}


def test_every_check_is_named(texts):
    for name in {key.name for check in CHECKS for key in check.check_keys}:
        assert f"`{name}`" in texts["README.md"]


def test_the_graph_shows_every_asset(texts):
    graph = texts["README.md"][texts["README.md"].index("## The graph") :]
    for key in defs.resolve_asset_graph().get_all_asset_keys():
        assert key.to_user_string() in graph


def test_checkpoint_folders(texts):
    rows = re.findall(
        r"\| `(2DNet/[^`]+)` \| (\w+) \| `([^`]+)` to `([^`]+)`", texts["models/README.md"]
    )
    names = checkpoint_name(0), checkpoint_name(FOLDS - 1)
    assert rows == [(b.folder, b.name, *names) for b in BACKBONES.values()]


def test_the_tree_names_every_module(texts, pytestconfig):
    tree = texts["ARCHITECTURE.md"]
    for path in (pytestconfig.rootpath / "ich_assets").glob("*.py"):
        assert path.name == "__init__.py" or path.name in tree
    for path in (pytestconfig.rootpath / "ich_resources" / "dicom").glob("*.py"):
        assert path.name == "__init__.py" or path.name in tree


def test_links_lead_somewhere(texts, pytestconfig):
    for name, text in texts.items():
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((pytestconfig.rootpath / name).parent / target).exists(), target
