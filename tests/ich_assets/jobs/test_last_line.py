"""The last line of a command that fails is its sentence; no stack stands after it."""

import shutil
import signal
import subprocess
import time

import pydicom
import pytest
from live import ROOT, wait
from small_disk import small_disk

from ich_resources.demo.study import write_series

pytestmark = pytest.mark.slow

ONE = """\
resources:
  networks: {config: {max_folds_per_backbone: 1, backbones: [DenseNet169_change_avg]}}
  saliency: {config: {image_size_override: 64, single_backbone: DenseNet169_change_avg}}
"""


def _ends(text: str, *words: str) -> None:
    assert "Traceback" not in text and "Stack Trace" not in text, text[-3000:]
    assert "resulted in failure" not in text
    for word in words:
        assert word in text.splitlines()[-1], text[-3000:]


def _localizers(folder):
    for path in write_series(folder, name="scout", slices=3, bleed=False, size=64):
        dataset = pydicom.dcmread(path)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.save_as(path)


def _two_slices(folder):
    write_series(folder, name="short", slices=2, bleed=False, size=64)


def _magnetic_resonance(folder):
    for path in write_series(folder, name="mr", slices=3, bleed=False, size=64):
        dataset = pydicom.dcmread(path)
        dataset.Modality = "MR"
        dataset.save_as(path)


@pytest.mark.parametrize("kind", [_localizers, _two_slices, _magnetic_resonance])
def test_nothing_to_score(workplace, kind):
    kind(workplace.dicom)
    done = workplace.batch(ONE)
    assert done.status == 1
    _ends(done.text, "none of the 1 series found can be scored")
    assert "Loading networks" not in done.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{dicom: {config: {policy: {NONSENSE: refuse}}}}", ("NONSENSE", "TOO_FEW_SLICES", " -> ")),
        ("{dicom: {config: {polcy: {}}}}", ("polcy", "policy")),
    ],
)
def test_names_that_do_not_exist(workplace, text, words):
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    done = workplace.batch(f"resources: {text}\n")
    assert done.status == 1
    _ends(done.text, *words)
    assert "Reading" not in done.text


def test_a_full_dagster_home(workplace, tmp_path):
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    with small_disk(tmp_path / "small home", 1000) as disk:
        home = disk.folder
        shutil.copy(ROOT / "conf" / "dagster.yaml", home)
        workplace.environment["DAGSTER_HOME"] = str(home)
        done = workplace.batch(ONE)
        assert done.status == 1
        _ends(done.text, "No space is left on the disk of DAGSTER_HOME", str(home), " -> ")


def test_too_little_memory(workplace):
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    limit = ["sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh"]
    done = workplace.batch(ONE, prefix=limit)
    assert done.status == 1
    _ends(done.text, "There is not enough memory -> ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_networks_load_for_the_first_time(workplace, tmp_path, number):
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    workplace.environment |= {
        "XDG_CACHE_HOME": str(tmp_path / "empty cache"),
        "MAX_FOLDS_PER_BACKBONE": "1",
    }
    process = workplace.start_batch(subprocess.PIPE)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Loading networks"):
            break
    cache = tmp_path / "empty cache"
    assert wait(120, lambda: any(cache.rglob("features.xml"))), "no network was converted"
    assert process.poll() is None, "all networks are loaded already"
    began = time.monotonic()
    process.send_signal(number)
    text = "".join(lines) + process.communicate(timeout=120)[0]
    assert process.returncode != 0
    assert time.monotonic() - began < 60
    _ends(text, "Interrupted. Finished work is kept.")
