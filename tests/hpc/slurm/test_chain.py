"""From the Dockerfile to the cluster: the image of Docker, converted, scores a folder by SLURM."""

import shutil

import pytest
from live import ROOT

pytestmark = [pytest.mark.hpc, pytest.mark.slow, pytest.mark.timeout(1800)]

NEEDED_GB = 30
"""For Docker's copy of the image, its archive, that unpacked, and the SIF."""


def saved(path):
    """Every file to take away that holds no times."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for part in ("output", "processed")
        for file in sorted((path / part).rglob("*"))
        if file.is_file() and file.suffix != ".json"
    }


def test_the_docker_image_runs_on_the_cluster(engine, image, site):
    """Nothing of this machine's Python is bound into it, and the tables are the same."""
    folder = site.user.folder
    free = shutil.disk_usage(folder).free / 2**30
    if free < NEEDED_GB:
        pytest.skip(f"{free:.0f} GB free, and unpacking the image takes {NEEDED_GB}")
    archive = folder / "ich.tar"
    engine.docker("save", image, "--output", str(archive))
    archive.chmod(0o644)
    converted = folder / "from docker.sif"
    site.user.run(
        str(ROOT / "singularity" / "build_container.sh"),
        *("--tar", str(archive), "--output", str(converted)),
        APPTAINER_CACHEDIR=str(folder / "cache"),
        APPTAINER_TMPDIR=str(folder),
    )
    archive.unlink()
    roots = []
    for name, sif in (("of docker", converted), ("of the def", site.sif)):
        variables = site.variables(folder / name, SIF_IMAGE=str(sif))
        if sif == converted:
            variables = {k: v for k, v in variables.items() if not k.startswith("APPTAINER")}
        job = site.sbatch("slurm_predict.sh", **variables)
        site.cluster.wait_for(job)
        text = (folder / f"ich-predict_{job}.log").read_text()
        assert site.cluster.states(job) == {job: "COMPLETED"}, text
        roots.append(folder / name)
    of_docker, of_the_def = (saved(root) for root in roots)
    assert len(of_docker) > 20
    assert of_docker == of_the_def
    converted.unlink()
