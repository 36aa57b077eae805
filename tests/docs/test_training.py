"""What docs/training.md and docs/evaluation.md say is what the code says."""

import re
import subprocess

import dagster as dg
import pytest
import yaml
from live import ROOT
from page_commands import blocks

from ich_assets.definitions import defs
from ich_resources.environment import IMAGENET_DIR, LABELS, TRAIN_ROOT
from ich_resources.sequence.network import SequenceNetwork
from ich_resources.training.initial_files import IMAGENET_URLS
from ich_resources.weights.release import SIDE_FILES

PAGES = ("training.md", "evaluation.md")
JOBS = {
    "fetch_side_archives": "fetch_side_files",
    "oof_evaluation": "ich_evaluate_oof",
    "predict_and_submit": "ich_submission",
}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in PAGES}


def job_of(block: dict) -> str:
    """A job that takes a configuration of the page."""
    if "ops" in block:
        (op,) = block["ops"]
        return JOBS[op]
    if "networks" in block["resources"]:
        return "ich_batch"
    return "ich_evaluate" if "evaluation" in block["resources"] else "ich_train"


@pytest.mark.parametrize("page", PAGES)
def test_the_configurations_are_valid(page):
    found = [yaml.safe_load(text) for text in blocks(page, "yaml")]
    assert found
    for block in found:
        dg.validate_run_config(defs.resolve_job_def(job_of(block)), block)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_bash_and_names_a_job(page):
    found = [*blocks(page, "sh"), *blocks(page)]
    assert found
    jobs = {job.name for job in defs.jobs}
    for block in found:
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)
        named = re.findall(r"(?:-j|--job|JOB=) ?(\w+)", block)
        assert set(named) <= jobs
        for script in re.findall(r"\b((?:singularity|docker)/\w+\.sh)\b", block):
            assert (ROOT / script).is_file(), script


def test_the_files_to_fetch_are_those_of_the_code(texts):
    page = texts["training.md"]
    rows = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \| `([\w-]+)` \|", page, re.MULTILINE)
    assert rows == [(name, file.archive, file.drive_id) for name, file in SIDE_FILES.items()]
    rows = re.findall(r"^\| `([\w.-]+\.pth)` \| (\S+) \|", page, re.MULTILINE)
    assert [url for _, url in rows] == list(IMAGENET_URLS.values())
    assert all(url.endswith(f"/{name}") for name, url in rows)


def test_the_variables_are_those_of_the_code(texts):
    named = set(re.findall(r"\b([A-Z]{3,}_[A-Z]+|LABELS)=", texts["training.md"]))
    assert {TRAIN_ROOT, IMAGENET_DIR, LABELS} <= named


def test_the_parts_of_the_sequence_network_add_up():
    """The table of docs/reference.md, section 8, for three base networks."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    section = page[page.index("## 8.") : page.index("## 9.")]
    cells = re.findall(r"\| (?:total )?(\d{1,3}(?:,\d{3})+|\d{3}) \|$", section, re.MULTILINE)
    numbers = [int(cell.replace(",", "")) for cell in cells]
    *parts, total = numbers
    assert sum(parts) == total
    network = SequenceNetwork(3)
    assert total == sum(parameter.numel() for parameter in network.parameters())
