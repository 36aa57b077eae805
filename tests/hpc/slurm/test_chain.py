"""From the Dockerfile to the cluster: the image of Docker, converted, scores a folder by SLURM."""

import shutil

import pytest
from engines import engine_is_missing
from live import ROOT
from taken_away import report, results

pytestmark = [pytest.mark.hpc, pytest.mark.slow, pytest.mark.timeout(3000)]

NEEDED_GB = 30
"""For Docker's copy of the image, its archive, that unpacked, and the SIF."""


def test_the_docker_image_runs_on_the_cluster(engine, image, site_without_image, direct):
    """Nothing of this machine's Python is bound into it, and the files are a direct run's."""
    site = site_without_image
    folder = site.user.folder
    free = shutil.disk_usage(folder).free / 2**30
    if free < NEEDED_GB:
        engine_is_missing(f"{free:.0f} GB free, and unpacking the image takes {NEEDED_GB}")
    archive = folder / "ich.tar"
    engine.docker("save", image, "--output", str(archive))
    archive.chmod(0o644)
    converted = folder / "from docker.sif"
    site.user.run(
        str(ROOT / "singularity" / "build_container.sh"),
        *("--tar", str(archive), "--output", str(converted)),
        APPTAINER_CACHEDIR=str(folder / "cache"),
        APPTAINER_TMPDIR=str(folder),
        SQUASH="-noI -noD -noF -noX",  # compression takes minutes, and changes no file
        seconds=1800,
    )
    archive.unlink()
    one, many = folder / "of docker", folder / "of docker, in shards"
    variables = site.variables(one, SIF_IMAGE=str(converted), SHARDS="2")
    variables = {k: v for k, v in variables.items() if not k.startswith("APPTAINER")}
    job = site.sbatch("slurm_predict.sh", **variables)
    jobs = site.array(**variables | {"RUN_ROOT": str(many)})
    site.cluster.wait_for(job, *jobs.values(), seconds=900)
    converted.unlink()
    text = (folder / f"ich-predict_{job}.log").read_text()
    assert site.cluster.states(job) == {job: "COMPLETED"}, text
    collect = jobs["collect"]
    text = "".join(path.read_text() for path in sorted((many / "logs").iterdir()))
    assert site.cluster.states(collect) == {collect: "COMPLETED"}, text
    assert set(site.cluster.states(jobs["shards"], 0, 1).values()) == {"COMPLETED"}
    assert len(results(direct)) > 20
    for root in (one, many):
        assert results(root) == results(direct)
        assert report(root)["series_by_state"] == report(direct)["series_by_state"]
