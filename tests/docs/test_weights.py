"""The commands and configurations of docs/weights.md do what the page says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from engines import engine_is_missing
from release import ReleaseServer, release_of, running
from workplace import Workplace

from ich_assets.definitions import defs
from ich_resources.backbones.table import BACKBONES
from ich_resources.environment import MAX_FOLDS
from ich_resources.weights.release import ARCHIVES, DIGESTS, REPOSITORY, TAG

GITHUB = f"https://github.com/{REPOSITORY}/releases/download/{TAG}"


@pytest.fixture(scope="module")
def page(pytestconfig) -> str:
    return (pytestconfig.rootpath / "docs" / "weights.md").read_text()


@pytest.fixture
def commands(page) -> dict[str, str]:
    """The shell blocks, by a word that only one of them has."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.S | re.M)
    words = ["export MODEL_DIR", "docker run", "curl", "tar -xzf", "verify_checkpoints"]
    words += ["pip install"]
    found = {word: [block for block in blocks if word in block] for word in words}
    assert len(blocks) == len(words)
    assert all(len(those) == 1 for those in found.values())
    return {word: block for word, (block,) in found.items()}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    place = Workplace(tmp_path, tmp_path / "the models", {MAX_FOLDS: "1"})
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return place


def shell(place: Workplace, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=place.environ(), capture_output=True, text=True, timeout=300
    )


def test_the_configurations_are_valid_and_show_the_defaults(page):
    blocks = [
        yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", page, re.S | re.M)
    ]
    job = defs.resolve_job_def("fetch_checkpoints")
    for block in blocks:
        dg.validate_run_config(job, block)
    shown = blocks[0]["resources"]["weights"]["config"]
    weights = defs.resources["weights"]
    assert shown == {name: getattr(weights, name) for name in type(weights).model_fields}
    shown = blocks[0]["resources"]["networks"]["config"]
    assert shown == {"backbones": list(BACKBONES)}
    assert blocks[0]["ops"] == {"fetch_archives": {"config": {"force": False}}}


def test_the_extra_is_there(commands, pytestconfig):
    assert "'.[drive]'" in commands["pip install"]
    assert "\ndrive = [" in (pytestconfig.rootpath / "pyproject.toml").read_text()


@pytest.mark.slow
def test_by_hand_from_download_to_verified(commands, place, stand_in_models):
    for tool in ("curl", "sha256sum", "tar"):
        if not shutil.which(tool):
            engine_is_missing(f"no {tool} here: tests/hpc/install_services.sh")
    assets = release_of(stand_in_models)
    stick = place.root / "stick"
    stick.mkdir()
    assert GITHUB in commands["curl"]
    with running(ReleaseServer(files={f"/{name}": c for name, c in assets.items()})) as server:
        done = shell(place, commands["curl"].replace(GITHUB, server.url()), stick)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in stick.iterdir()} == {*ARCHIVES.values(), DIGESTS}
    done = shell(place, commands["tar -xzf"], stick)
    assert done.returncode == 0, done.stderr
    done = shell(place, commands["verify_checkpoints"], place.root)
    assert done.returncode == 0, done.stderr
    assert "Good: 3 of 3; digests not in checkpoints.sha256: 0" in done.stderr

    damaged = stick / ARCHIVES["se_resnext101_32x4d"]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    shutil.rmtree(place.models)
    done = shell(place, commands["tar -xzf"], stick)
    assert done.returncode != 0
    assert not place.models.exists()


@pytest.mark.slow
def test_from_a_folder_as_the_page_says(commands, place, stand_in_models, page):
    for name, content in release_of(stand_in_models).items():
        (place.root / name).write_bytes(content)
    (place.root / "weights.yaml").write_text(
        yaml.safe_dump({"resources": {"weights": {"config": {"base_url": str(place.root)}}}})
    )
    script = commands["export MODEL_DIR"].strip().replace("/data/models", "'the models'")
    done = shell(place, f"{script} -c weights.yaml", place.root)
    assert done.returncode == 0, done.stderr
    for backbone in BACKBONES.values():
        assert (place.root / "the models" / backbone.folder).is_dir()
