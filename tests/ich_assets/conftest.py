"""One finished batch on the demo study, and empty folders for others."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from live import ROOT
from workplace import CONFIG, HOME_YAML, Finished, Workplace

from ich_resources.demo.study import DemoStudy, write_demo_study, write_series

QUIET = 5
LIVE = f"""\
resources:
  inbox: {{config: {{quiet_seconds: {QUIET}}}}}
  networks: {{config: {{max_folds_per_backbone: 1}}}}
  saliency: {{config: {{image_size_override: 64, method: gradcam}}}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a finished batch as slow."""
    for item in items:
        if {"finished_demo", "with_objects"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@dataclass
class FinishedDemo:
    """The demo study after its batch, shared by tests that only look."""

    place: Workplace
    study: DemoStudy
    first: Finished


@pytest.fixture(scope="session")
def with_objects(tmp_path_factory: pytest.TempPathFactory, stand_in_models: Path) -> Workplace:
    """Two series of patients with names, after a batch that wrote their DICOM objects."""
    root = tmp_path_factory.mktemp("send")
    home = root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    place = Workplace(root, stand_in_models, {"DAGSTER_HOME": str(home)})
    for name in ("one", "two"):
        for path in write_series(place.dicom / name, name=name, slices=3, bleed=True, size=64):
            dataset = pydicom.dcmread(path)
            dataset.PatientName, dataset.PatientID = "Zaphodius^Beeblebroxus", "PID-7351-QX"
            dataset.save_as(path)
    done = place.batch(f"{CONFIG}  results: {{config: {{dicom: 'on'}}}}\n")
    assert done.status == 0, done.text
    return place


@pytest.fixture
def workplace(tmp_path: Path, stand_in_models: Path) -> Workplace:
    """Empty folders and stand-in checkpoints."""
    place = Workplace(tmp_path, stand_in_models)
    place.dicom.mkdir()
    return place


@pytest.fixture(scope="session")
def finished_demo(tmp_path_factory: pytest.TempPathFactory, stand_in_models: Path) -> FinishedDemo:
    """The demo study with three slices a series, run once with a DAGSTER_HOME of its own."""
    root = tmp_path_factory.mktemp("demo")
    home = root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    place = Workplace(root, stand_in_models, {"DAGSTER_HOME": str(home)})
    study = write_demo_study(place.dicom, slices=3)
    return FinishedDemo(place, study, place.batch())


@pytest.fixture
def demo_copy(finished_demo: FinishedDemo, tmp_path: Path, stand_in_models: Path) -> Workplace:
    """A copy of the finished demo, without its Dagster home, to be run again or damaged."""
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    shutil.copytree(finished_demo.place.results, place.results)
    return place


@pytest.fixture
def site(workplace: Workplace) -> Workplace:
    """A workplace with an inbox, and the Dagster home of ``make up``."""
    home, inbox = workplace.root / "home", workplace.root / "inbox"
    home.mkdir()
    inbox.mkdir()
    shutil.copy(ROOT / "conf" / "dagster.yaml", home)
    (workplace.root / "live.yaml").write_text(LIVE)
    workplace.environment |= {
        "DAGSTER_HOME": str(home),
        "DICOM_INBOX": str(inbox),
        "LIVE_CONFIG": str(workplace.root / "live.yaml"),
    }
    dagster = str(Path(sys.executable).with_name("dagster"))
    subprocess.run(
        [dagster, "instance", "concurrency", "set", "gpu", "1"],
        env=workplace.environ(),
        check=True,
        capture_output=True,
    )
    return workplace
