"""``python -m ich_resources.demo``: what it writes, and what it keeps."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.demo import __main__ as demo
from ich_resources.demo.teaching import MADE_FROM

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Path:
    """A demo without training, written by the command."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "ich_resources.demo", "--untrained", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_ten_patients_beside_the_first_study(untrained):
    patients = sorted(path.name for path in (untrained / "dicom" / "DICOM").iterdir())
    assert patients == [f"PA{number:06d}" for number in range(11)]
    with (untrained / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    bleeding = {row["patient"] for row in rows if row["any"] == "1"}
    assert len(bleeding) == 5
    assert len({row["patient"] for row in rows}) == 10
    files = [p for p in (untrained / "dicom" / "DICOM").rglob("IM*") if "PA000000" not in str(p)]
    assert len(files) == len(rows)


def test_untrained_networks_run_at_a_small_size(untrained):
    assert (untrained / "models" / DIGESTS_FILE).is_file()
    assert not (untrained / "models" / MADE_FROM).exists()
    run = yaml.safe_load((untrained / "run.yaml").read_text())["resources"]
    assert run["saliency"]["config"] == {"image_size_override": 224}
    assert run["dicom"]["config"]["input_dir"] == str(untrained / "dicom")
    assert run["networks"]["config"]["model_dir"] == str(untrained / "models")


def test_trained_networks_run_at_their_own_size(untrained):
    (untrained / "models" / MADE_FROM).write_text("{}")
    demo.main(untrained, untrained=True)
    (untrained / "models" / MADE_FROM).unlink()
    run = yaml.safe_load((untrained / "run.yaml").read_text())["resources"]
    assert "saliency" not in run
    assert run["networks"]["config"]["backend"] == "pytorch"


def test_what_is_there_is_kept(untrained, capsys):
    before = {p: p.stat().st_mtime_ns for p in untrained.rglob("*.pth")}
    demo.main(untrained, untrained=True)
    assert capsys.readouterr().out == ""
    assert {p: p.stat().st_mtime_ns for p in untrained.rglob("*.pth")} == before


def test_a_study_that_was_cut_short_is_written_again(untrained, capsys):
    (untrained / "labels.csv").unlink()
    demo.main(untrained, untrained=True)
    assert capsys.readouterr().out == "Writing ten phantom patients, five of them bleeding\n"
    assert (untrained / "labels.csv").is_file()
