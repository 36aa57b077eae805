"""A real Apptainer, and a small image that the project's own script builds.

The image holds the project and nothing it depends on: what the tests' Python has installed is bound
into it. Packing torch would take minutes and gigabytes, and would not test the scripts better.
"""

import os
import shutil
import subprocess
from pathlib import Path

from engines import engine_is_missing
from live import ROOT
from slurm_cluster import User
from user_python import require_same_python, site_packages

_FAST = "-comp zstd -Xcompression-level 1"
"""How an image is packed: at the level of mksquashfs itself, 15, it takes half a minute longer."""
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def require_apptainer() -> None:
    """Skip where no image can be built, and say why."""
    if os.geteuid() != 0:
        engine_is_missing("making the base of the image needs root")
    missing = [name for name in ("singularity", "mmdebstrap") if shutil.which(name) is None]
    if missing:
        engine_is_missing(f"not installed: {', '.join(missing)} (tests/hpc/install_apptainer.sh)")
    require_same_python()


def write_base(folder: Path) -> Path:
    """Make a replacement for python:3.11-slim-bookworm from Debian's packages."""
    root, image = folder / "base", folder / "base.sif"
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    lines = sources.read_text().splitlines() if sources.is_file() else []
    mirrors = [line.partition(":")[2].split()[0] for line in lines if line.startswith("URIs:")]
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--components=main"]
    command += ["--include=ca-certificates,python3,python3-pip,libgomp1"]
    command += ["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=force-unsafe-io"]
    _run([*command, "bookworm", str(root), *mirrors[:1]])
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    # pip inside trusts what this machine trusts.
    shutil.copyfile(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
    (root / "etc" / "pip.conf").write_text(f"[global]\ncert = {_CERTIFICATES}\n")
    dagster = root / "usr" / "local" / "bin" / "dagster"
    dagster.write_text('#!/bin/sh\nexec python3 -m dagster "$@"\n')
    dagster.chmod(0o755)
    _run(["singularity", "build", "--mksquashfs-args", _FAST, str(image), str(root)])
    shutil.rmtree(root)
    image.chmod(0o644)
    return image


def write_image(user: User, base: Path) -> Path:
    """Build the image from ``singularity/ich.def`` as an ordinary user."""
    image = user.folder / "ich.sif"
    user.run(
        str(ROOT / "singularity" / "build_container.sh"),
        *("--fakeroot", "--output", str(image)),
        BASE=str(base),
        PIP_OPTIONS="--no-deps",
        SQUASH=_FAST,
        APPTAINER_CACHEDIR=str(user.folder / "cache"),
        APPTAINER_TMPDIR=str(user.folder),
    )
    return image


def dependencies() -> dict[str, str]:
    """Return the variables that bind the tests' packages into the image."""
    return {"APPTAINER_BIND": site_packages(), "APPTAINERENV_PYTHONPATH": site_packages()}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise AssertionError(done.stdout[-3000:] + done.stderr[-3000:])
