"""A SLURM with an ordinary user, an image, and the demo study in folders with awkward names."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from apptainer_image import dependencies, require_apptainer, write_base, write_image
from live import ROOT
from slurm_cluster import Cluster, User, ordinary_user, slurm_cluster
from workplace import Workplace

from ich_resources.demo.study import write_demo_study, write_series

CONFIG = """\
resources:
  networks: {config: {max_folds_per_backbone: 1, backbones: [DenseNet121_change_avg]}}
  saliency: {config: {image_size_override: 64, method: gradcam}}
"""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with slurm_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def user(cluster: Cluster) -> Iterator[User]:
    with ordinary_user() as somebody:
        yield somebody


@pytest.fixture(scope="session")
def sif(user: User, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in an image; its base goes again."""
    require_apptainer()
    base = write_base(tmp_path_factory.mktemp("base"))
    base.parent.chmod(0o755)
    moved = shutil.move(base, user.folder / "base.sif")
    return write_image(user, Path(moved))


@dataclass
class Site:
    """What a user of the cluster has, and types."""

    cluster: Cluster
    user: User
    sif: Path
    dicom: Path

    def variables(self, results: Path, **more: str) -> dict[str, str]:
        """The variables of the scripts."""
        folder = self.user.folder
        return {
            "SLURM_CONF": self.cluster.environment["SLURM_CONF"],
            "DICOM_INPUT": str(self.dicom),
            "RUN_ROOT": str(results),
            "MODEL_DIR": str(folder / "models"),
            "CACHE_DIR": str(folder / "converted"),
            "RUN_CONFIG": str(folder / "run.yaml"),
            "SIF_IMAGE": str(self.sif),
            "DEVICE": "cpu",
            "OMP_NUM_THREADS": "1",
            **dependencies(),
            **more,
        }

    def sbatch(self, script: str, *options: str, **variables: str) -> str:
        """Submit a script of the project from its folder; return the job's number."""
        command = ["sbatch", "--parsable", "--export=ALL", f"--chdir={self.user.folder}", *options]
        project = {"PROJECT_DIR": str(ROOT)}
        path = str(ROOT / "singularity" / script)
        return self.user.run(*command, path, **(project | variables)).stdout.strip()

    def array(self, *arguments: str, **variables: str) -> dict[str, str]:
        """Run slurm_array.sh; return the number of each job it has submitted."""
        script = str(ROOT / "singularity" / "slurm_array.sh")
        done = self.user.run("bash", script, *arguments, **variables)
        lines = [line.split() for line in done.stdout.splitlines()]
        return {words[0]: words[2] for words in lines if words[1:2] == ["job"]}


@pytest.fixture(scope="session")
def site_without_image(cluster: Cluster, user: User, stand_in_models: Path) -> Site:
    """The demo study and three small series, of three slices each, and stand-in checkpoints."""
    dicom = user.folder / "a study, of: today"
    write_demo_study(dicom, slices=3)
    for name in ("first", "second", "third"):
        write_series(dicom / name, name=name, slices=3, bleed=name == "second", size=64)
    shutil.copytree(stand_in_models, user.folder / "models")
    (user.folder / "run.yaml").write_text(CONFIG)
    user.owns(user.folder)
    (user.folder / "home").chmod(0o500)  # as some sites have it on the nodes
    return Site(cluster, user, user.folder / "ich.sif", dicom)


@pytest.fixture(scope="session")
def site(sif: Path, site_without_image: Site) -> Site:
    """The same, and the project in an image."""
    assert site_without_image.sif == sif
    return site_without_image


@pytest.fixture(scope="session")
def direct(site_without_image: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of ``dagster job execute`` on the study, without SLURM or a container."""
    site, root = site_without_image, tmp_path_factory.mktemp("direct")
    more = {"DICOM_INPUT": str(site.dicom), "OMP_NUM_THREADS": "1"}
    cache = {"XDG_CACHE_HOME": str(root / "cache")}
    place = Workplace(root, site.user.folder / "models", more | cache)
    done = place.batch(CONFIG.replace("networks: {config: {", "networks: {config: {device: cpu, "))
    assert done.status == 0, done.text
    return place.results
