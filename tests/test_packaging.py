"""What pyproject.toml, constraints.txt and .pre-commit-config.yaml say is true."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

VENV_TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of the project, built from a copy so that no build folder stays in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for package in ("ich_assets", "ich_resources", "ich_slurm"):
        shutil.copytree(root / package, source / package)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(root / name, source)
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (built,) = (source / "dist").glob("*.whl")
    return zipfile.ZipFile(built)


def installed_closure(name: str, extra: str) -> dict[str, str]:
    """Return the version of every distribution that one needs, direct or not, by name."""
    versions: dict[str, str] = {}
    waiting = [(name, extra)]
    seen = set()
    while waiting:
        pair = waiting.pop()
        if pair in seen:
            continue
        seen.add(pair)
        distribution = metadata.distribution(pair[0])
        versions[canonicalize_name(pair[0])] = distribution.version
        for text in distribution.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": pair[1]}):
                waiting += [(requirement.name, e) for e in ("", *requirement.extras)]
    return versions


def test_every_distribution_that_is_needed_has_its_tested_version_in_the_constraints(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    assert len(pinned) == len(pins)
    needed = installed_closure("ich", "dev")
    del needed["ich"]
    assert len(needed) > 100
    wrong = {name: (v, pinned.get(name)) for name, v in needed.items() if pinned.get(name) != v}
    assert not wrong


def test_a_wheel_says_that_both_packages_are_typed_and_has_their_data(wheel):
    names = set(wheel.namelist())
    assert {"ich_assets/py.typed", "ich_resources/py.typed"} <= names
    assert "ich_resources/demo/centres.npz" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_metadata_of_a_wheel_is_full_and_names_no_licence(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith("dist-info/METADATA")]
    text = wheel.read(name).decode()
    head = text[: text.index("\n\n")]
    for field in ("Summary", "Keywords", "Requires-Python", "Classifier", "Description-Content"):
        assert re.search(rf"^{field}", head, re.MULTILINE), field
    assert "Research use only" in head
    assert "icen" not in head  # the owner chooses one


def test_authors_and_version_are_those_of_the_citation(root, wheel):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["authors"] == [{"name": author["name"]} for author in citation["authors"]]
    assert project["version"] == citation["version"]
    (name,) = [name for name in wheel.namelist() if name.endswith("dist-info/METADATA")]
    names = ", ".join(author["name"] for author in citation["authors"])
    assert f"\nAuthor: {names}\n" in wheel.read(name).decode()


def test_dagster_is_pinned_exactly(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    version = metadata.version("dagster")
    assert {f"dagster=={version}", f"dagster-webserver=={version}"} <= set(project["dependencies"])
    assert f"dagster-dg-cli=={version}" in project["optional-dependencies"]["dev"]


def hooks(root: Path) -> list[dict[str, object]]:
    config = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    return repository["hooks"]


def test_the_hooks_are_the_tools_of_make_lint_in_the_venv(root):
    makefile = (root / "Makefile").read_text()
    lint = makefile[makefile.index("\nlint:") :].split("\n\n")[0]
    in_make = set(re.findall(r"\$\(BIN\)/([\w-]+)", lint))
    programs = set()
    for hook in hooks(root):
        assert {"id", "name", "entry", "language"} <= hook.keys()
        assert hook["language"] == "system"
        path = Path(shlex.split(str(hook["entry"]))[0])
        assert path.parent == Path(".venv/bin")
        assert shutil.which(path.name, path=str(VENV_TOOLS)), f"{path.name} is not in the venv"
        programs.add(path.name)
    assert programs == in_make


def test_the_hooks_of_scripts_and_dockerfiles_see_the_files_of_make_lint(root):
    makefile = (root / "Makefile").read_text()
    folders = [root / name for name in ("docker", "singularity", "tests", "ich_assets", "docs")]
    files = [p.relative_to(root).as_posix() for folder in folders for p in folder.rglob("*")]
    for variable, names in (("DOCKERFILES", ["hadolint"]), ("SCRIPTS", ["shellcheck", "shfmt"])):
        (patterns,) = re.findall(rf"^{variable} := \$\(wildcard (.*)\)$", makefile, re.MULTILINE)
        expected = {
            path.relative_to(root).as_posix()
            for pattern in patterns.split()
            for path in root.glob(pattern)
        }
        for hook in hooks(root):
            if hook["id"] in names:
                found = {name for name in files if re.search(str(hook["files"]), name)}
                assert found == expected, hook["id"]
