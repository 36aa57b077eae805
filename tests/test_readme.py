"""What the texts say of the code is what the code says."""

import re
import tomllib

import pytest

from ich_assets.checks.listed import CHECKS, SERIES_CHECKS
from ich_assets.definitions import defs
from ich_resources import environment
from ich_resources.backbones.table import BACKBONES, FOLDS, checkpoint_name

CONFIGURATION, GRAPH = "docs/configuration.md", "docs/graph.md"


@pytest.fixture(scope="module")
def texts(pytestconfig) -> dict[str, str]:
    root = pytestconfig.rootpath
    pages = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("*/README.md")]
    names = [path.relative_to(root).as_posix() for path in pages]
    return {name: (pytestconfig.rootpath / name).read_text() for name in names}


def _first_cells(text: str, heading: str) -> list[str]:
    """Return the code in the first column of the table below a heading row."""
    table = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [code for row in table for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_variables(texts):
    names = {v for k, v in vars(environment).items() if k.isupper() and isinstance(v, str)}
    assert set(_first_cells(texts[CONFIGURATION], "| variable |")) == names


def test_fields(texts):
    named = _first_cells(texts[CONFIGURATION], "| field |")
    assert len(named) > 10
    for name in named:
        resource, field = name.split(".")
        assert field in type(defs.resources[resource]).model_fields, name


def test_jobs(texts):
    named = set(_first_cells(texts[GRAPH], "| job |"))
    assert named == {job.name for job in defs.jobs}


def test_every_check_is_named(texts):
    for name in {key.name for check in CHECKS for key in check.check_keys}:
        assert f"`{name}`" in texts[GRAPH]


def test_the_blocking_checks_are_marked(texts):
    rows = re.findall(r"^\| `(\w+)` \| (blocks|warns) \|", texts[GRAPH], re.MULTILINE)
    specs = [spec for check in SERIES_CHECKS for spec in check.check_specs]
    assert dict(rows) == {s.name: "blocks" if s.blocking else "warns" for s in specs}


def test_the_readme_is_short(texts):
    lines = texts["README.md"].splitlines()
    assert len(lines) <= 130
    assert max(map(len, lines)) <= 120


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


def _tree(text: str) -> dict[str, set[str]]:
    """Return the modules that the tree of ARCHITECTURE.md names, by folder."""
    named: dict[str, set[str]] = {}
    package = parent = folder = ""
    tree = text[text.index("\nich_assets/") : text.index("\nich_slurm/")]
    for line in tree.strip().splitlines():
        if match := re.match(r"(\w+)/", line):
            package = folder = match[1]
        elif match := re.match(r"  (?:(\w+)/|\S)", line):
            parent = folder = f"{package}/{match[1]}" if match[1] else package
        elif match := re.match(r" {5}(\w+)/", line):
            folder = f"{parent}/{match[1]}"
        named.setdefault(folder, set()).update(re.findall(r"\b\w+\.py\b", line))
    return named


def test_the_tree_names_every_module(texts, pytestconfig):
    found: dict[str, set[str]] = {}
    for package in ("ich_assets", "ich_resources"):
        for path in pytestconfig.rootpath.glob(f"{package}/**/*.py"):
            if not path.name.startswith("__"):
                folder = path.parent.relative_to(pytestconfig.rootpath).as_posix()
                found.setdefault(folder, set()).add(path.name)
    assert len(found) > 20
    assert _tree(texts["ARCHITECTURE.md"]) == found


def test_the_rules_name_every_importer(texts, pytestconfig):
    rules = texts["ARCHITECTURE.md"][texts["ARCHITECTURE.md"].index("## Rules") :]
    said = re.sub(r"\s+", " ", rules)
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    importers = {
        c["protected_modules"][0]: c["allowed_importers"]
        for c in contracts
        if c["type"] == "protected"
    }
    for library in ("torch", "pydicom", "highdicom", "matplotlib"):
        named = re.search(rf"\b{library} only in ([^;.]*)", said)[1]
        packages = {name.split(".")[1] for name in importers[library]}
        assert set(re.findall(r"\w+", named)) == packages, library


def test_pages_are_at_most_120_columns_wide(texts):
    """Rows of tables, which cannot be broken, examples, and what make bench writes do not count."""
    for name, text in texts.items():
        written = text.partition("<!-- make bench writes")[0]
        prose = re.sub(r"^ *```.*?^ *```", "", written, flags=re.MULTILINE | re.DOTALL)
        long = [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")]
        assert not long, name


def test_the_tree_is_at_most_120_columns_wide(texts):
    assert max(map(len, texts["ARCHITECTURE.md"].split("```")[1].splitlines())) <= 120


def test_links_lead_somewhere(texts, pytestconfig):
    for name, text in texts.items():
        for target, section in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
            path = (pytestconfig.rootpath / name).parent / target if target else None
            assert path is None or path.exists(), (name, target)
            if section:
                page = path.read_text(encoding="utf-8") if path else text
                headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
                assert section in {_anchor(heading) for heading in headings}, (name, section)


def test_no_link_leads_to_a_package_index(texts):
    for name, text in texts.items():
        assert not re.search(r"\]\(https?://pypi\.org", text), name


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
