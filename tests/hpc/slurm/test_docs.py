"""The commands of the pages on clusters: a real SLURM takes them as they stand."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from engines import engine_is_missing
from live import ROOT
from page_commands import blocks
from postgres import postgres
from user_python import site_packages

from ich_assets.runtime.slurm.launcher import SlurmRunLauncher
from ich_resources.demo.study import write_series

pytestmark = pytest.mark.hpc

PAGES = ("slurm.md", "scaling.md", "remote.md")


def submitting(page: str) -> list[str]:
    return [b for b in blocks(page) if re.search(r"\bsbatch\b|slurm_array\.sh$", b, re.MULTILINE)]


def test_the_pages_hold_what_is_tested_here():
    assert len(submitting("slurm.md")) == 3
    assert len(submitting("remote.md")) == 2
    assert len(blocks("scaling.md", "yaml")) == 4


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_is_bash(page):
    for block in [*blocks(page), *blocks(page, "bash")]:
        if not block.startswith(("Host", "\n")):
            subprocess.run(["bash", "-n"], input=block, text=True, check=True)


def test_every_link_of_the_pages_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "docs" / page).read_text()):
            assert (ROOT / "docs" / target).exists(), target


def test_every_variable_of_the_scripts_is_explained():
    page = (ROOT / "docs" / "slurm.md").read_text()
    scripts = "".join(path.read_text() for path in (ROOT / "singularity").glob("*.sh"))
    ours = set(re.findall(r"\$\{([A-Z][A-Z_]+)(?::?[-=?]|\})", scripts))
    named = re.findall(r"`([A-Z_]+)(?:=[^`]*)?`", page) + re.findall(r"^([A-Z_]+)=", page, re.M)
    elsewhere = {"CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "BASH_SOURCE", "MODULESHOME"}
    told = {"BASE", "PIP_OPTIONS", "BUILD_OPTIONS", "IMAGE"}  # by build_container.sh --help
    assert {n for n in ours if not n.startswith("SLURM")} - elsewhere - told <= set(named)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "number"), [("slurm.md", 0), ("slurm.md", 1), ("slurm.md", 2), ("remote.md", 0)]
)
def test_slurm_takes_what_the_pages_submit(site, page, number, tmp_path_factory):
    folder = site.user.folder / f"data {page} {number}"
    for name in ("dicom", "models"):
        (folder / name).mkdir(parents=True)
    site.user.owns(folder)
    # Blocks that belong together share the variables of the one before.
    before = "export DICOM_INPUT=/data/dicom RUN_ROOT=/data/results MODEL_DIR=/data/models\n"
    block = (before + submitting(page)[number]).replace("/data", f"'{folder}'")
    command = f"set -euo pipefail\ncd {ROOT}\n{block}"
    variables = {
        "SLURM_CONF": site.cluster.environment["SLURM_CONF"],
        "SIF_IMAGE": str(site.sif),
        "SBATCH_OUTPUT": "/dev/null",
        "DEVICE": "cpu",
    }
    known = set(site.cluster.ask("squeue", "-h", "-t", "all", "-o", "%A").split())
    done = site.user.run("bash", "-c", command, **variables)
    now = set(site.cluster.ask("squeue", "-h", "-t", "all", "-o", "%A").split())
    jobs = sorted(now - known)
    site.user.run("scancel", *jobs, SLURM_CONF=variables["SLURM_CONF"])
    assert len(jobs) == {"slurm.md": [1, 2, 3], "remote.md": [1]}[page][number], done.stdout
    site.cluster.wait_for(*jobs)


@pytest.mark.slow
def test_the_image_scores_with_edits_over_its_code(site):
    """Data and code lie where Singularity does not look of itself."""
    (typed,) = [block for block in blocks("remote.md") if "singularity exec" in block]
    folder = Path(tempfile.mkdtemp(prefix="ich-remote-", dir="/srv"))
    try:
        data, code = folder / "data", folder / "code"
        write_series(data / "dicom", name="small", slices=3, bleed=False, size=64)
        shutil.copytree(site.user.folder / "models", data / "models", copy_function=shutil.copy2)
        for name in ("conf", "ich_assets", "ich_resources", "ich_slurm"):
            shutil.copytree(ROOT / name, code / name)
        edited = code / "ich_assets" / "jobs" / "requirements.py"
        edited.write_text(edited.read_text().replace("Results are in", "Edited results are in"))
        (code / "singularity").mkdir()
        shutil.copyfile(site.sif, code / "singularity" / "ich.sif")
        shutil.copyfile(site.user.folder / "run.yaml", code / "run.yaml")
        site.user.owns(folder)
        folder.chmod(0o755)
        typed = typed.replace("/data/", f"{data}/").rstrip() + " -c run.yaml\n"
        # The image is without what the project depends on: that comes to where pip would put it.
        python = "python{}.{}".format(*sys.version_info)
        done = site.user.run(
            *("bash", "-c", f"set -euo pipefail\ncd '{code}'\n{typed}"),
            APPTAINER_BIND=f"{site_packages()}:/usr/local/lib/{python}/dist-packages",
        )
        assert "Edited results are in" in done.stdout + done.stderr
        report = json.loads((data / "results" / "output" / "run_report.json").read_text())
        assert report["series_by_state"]["done"] == 1
        assert (code / ".dagster" / "history").is_dir()
    finally:
        shutil.rmtree(folder)


def test_ssh_reads_the_hosts(tmp_path):
    if shutil.which("ssh") is None:
        engine_is_missing("no ssh here: tests/hpc/install_services.sh")
    for block in blocks("remote.md"):
        if not block.startswith("Host"):
            continue
        (tmp_path / "config").write_text(block)
        command = ["ssh", "-G", "-F", str(tmp_path / "config"), "ich-node"]
        done = subprocess.run(command, text=True, capture_output=True, check=True)
        assert "user your-name" in done.stdout
        assert "proxyjump login" in done.stdout or "proxycommand ssh login" in done.stdout


def test_the_configurations_are_yaml_and_the_own_one_loads():
    pages = [yaml.safe_load(block) for block in blocks("scaling.md", "yaml")]
    launchers = [page["run_launcher"]["class"] for page in pages if "run_launcher" in page]
    assert launchers == ["DockerRunLauncher", "K8sRunLauncher", "CeleryRunLauncher"]
    own = yaml.safe_load((ROOT / "conf" / "dagster.slurm.yaml").read_text())["run_launcher"]
    assert (own["module"], own["class"]) == (SlurmRunLauncher.__module__, "SlurmRunLauncher")
    SlurmRunLauncher.from_config_value(None, own["config"])


@pytest.mark.slow
def test_the_commands_for_the_launcher_make_an_instance_of_it(tmp_path):
    """All but the first, which installs, and the last, which stays: see test_launcher.py."""
    (block,) = [block for block in blocks("scaling.md") if "dagster.slurm.yaml" in block]
    install, *typed, stay = block.splitlines()
    assert install.split()[0] == "pip"
    assert stay.split()[:4] == ["python", "-m", "ich_assets.runtime.web", "dev"]
    where = "postgresql+psycopg2://user:password@host/database"
    with postgres() as url:
        script = "\n".join([*typed, "dagster instance info"])
        assert where in script
        script = script.replace(where, url).replace("/shared/ich", str(tmp_path))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            cwd=ROOT,
            text=True,
            capture_output=True,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"$DAGSTER_HOME: {tmp_path}/dagster" in done.stdout
    assert "class: SlurmRunLauncher" in done.stdout
    assert "gres: gpu:1" in done.stdout


def test_the_two_files_for_dagster_slurm_lead_into_the_image(tmp_path):
    (block,) = blocks("scaling.md", "bash")
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=environment, check=True)
    python = Path(tmp_path) / "ich-env" / "env" / "bin" / "python"
    subprocess.run(["bash", "-n", str(python)], check=True)
    assert python.stat().st_mode & 0o111
    assert (tmp_path / "ich-env" / "activate.sh").is_file()
