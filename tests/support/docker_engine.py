"""A real Docker engine of a test's own: its own socket and data, no iptables, no default bridge."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines import engine_is_missing
from live import ROOT, wait

FIXTURES = ROOT / "tests" / "hpc" / "docker"
BASE_IMAGE = "python:3.11-slim-bookworm"
CLIENT = "/usr/bin/docker"
"""Debian's client: it builds with BuildKit without a plugin."""


@dataclass(frozen=True)
class Engine:
    """A running engine and its socket."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which a client finds the engine."""
        return {"DOCKER_HOST": f"unix://{self.folder}/docker.sock", "DOCKER_BUILDKIT": "1"}

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run the client; return what it prints."""
        done = subprocess.run(
            [CLIENT, *arguments],
            env={**os.environ, **self.environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0 or not check, f"docker {arguments[0]}: {done.stdout[-4000:]}"
        return done.stdout.strip()

    def answers(self) -> bool:
        """Return whether the engine takes commands."""
        return "Server Version" in self.docker("info", check=False)


def require_docker() -> None:
    """Skip the test if this machine cannot start an own engine."""
    if os.geteuid():
        engine_is_missing("only root can start a Docker engine")
    for program, package in {"dockerd": "docker.io", "mmdebstrap": "mmdebstrap"}.items():
        if not shutil.which(program):
            engine_is_missing(f"no {program} here: apt-get install {package}")
    if not Path(CLIENT).is_file():
        engine_is_missing(f"no {CLIENT} here: apt-get install docker.io")


@contextmanager
def docker_engine(*, nvidia_hook: bool = False) -> Iterator[Engine]:
    """Run an engine inside the block. Its images and containers are deleted at the end.

    Parameters
    ----------
    nvidia_hook : bool
        Whether the engine finds a replacement for NVIDIA's container toolkit and takes ``--gpus``.
    """
    require_docker()
    folder = Path(tempfile.mkdtemp(prefix="ich-docker-"))
    folder.chmod(0o755)
    engine = Engine(folder)
    path = os.environ["PATH"]
    if nvidia_hook:
        path = f"{FIXTURES / 'nvidia'}:{path}"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            _daemon(folder),
            env=_without_docker(os.environ) | {"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        assert wait(60, engine.answers), (folder / "log").read_text()[-3000:]
        yield engine
    finally:
        for container in engine.docker("ps", "--quiet", check=False).split():
            engine.docker("kill", container, check=False)
        daemon.terminate()
        daemon.wait(60)
        subprocess.run(["umount", folder / "exec" / "netns" / "default"], capture_output=True)
        shutil.rmtree(folder)


def _daemon(folder: Path) -> list[str]:
    return [
        "dockerd",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/pid",
        f"--host=unix://{folder}/docker.sock",
        "--storage-driver=overlay2",
        # Nothing of this machine's network is touched.
        "--iptables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--bridge=none",
        "--default-ulimit=nofile=4096:4096",
    ]


def _without_docker(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if not k.startswith("DOCKER_")}


def import_base(engine: Engine) -> None:
    """Make the base image of the Dockerfile from Debian's packages, under its name."""
    archive = engine.folder / "base.tar"
    subprocess.run([FIXTURES / "base.sh", archive], check=True, capture_output=True)
    engine.docker("import", "--change", 'CMD ["python3"]', str(archive), BASE_IMAGE)
    archive.unlink()


def build(engine: Engine, tag: str) -> None:
    """Build the project's image."""
    file = str(ROOT / "docker" / "Dockerfile")
    engine.docker("build", "--network", "host", "--tag", tag, "--file", file, str(ROOT))


def require_compose() -> None:
    """Skip the test if the client has no Compose."""
    if subprocess.run([CLIENT, "compose", "version"], capture_output=True).returncode:
        engine_is_missing(f"no Compose 2 here: {FIXTURES / 'install.sh'}")
