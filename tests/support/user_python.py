"""A Python that an ordinary user can run, with the packages of the tests' Python."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from engines import engine_is_missing

_SYSTEM_PYTHON = "/usr/bin/python3"


def site_packages() -> str:
    """Return where the packages of the tests' Python lie."""
    return sysconfig.get_paths()["purelib"]


def require_same_python() -> None:
    """Skip or fail where the system's Python cannot load the packages of the tests' own."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([_SYSTEM_PYTHON, "-c", code], text=True, capture_output=True)
    except FileNotFoundError:
        engine_is_missing(f"an ordinary user has no {_SYSTEM_PYTHON}")
    if done.stdout.split() != [str(part) for part in sys.version_info[:2]]:
        engine_is_missing(
            f"{_SYSTEM_PYTHON} is {done.stdout.strip()}, the tests run in {sys.version}"
        )


def write_user_venv(folder: Path) -> Path:
    """Make a virtual environment of the system's Python that sees the tests' packages."""
    require_same_python()
    command = [_SYSTEM_PYTHON, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "tests.pth").write_text(f"import site; site.addsitedir({site_packages()!r})\n")
    dagster = folder / "bin" / "dagster"
    dagster.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m dagster "$@"\n')
    dagster.chmod(0o755)
    return folder
