"""An ordinary user of this machine who may use an engine, with a folder and the scripts."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker_engine import Engine
from live import ROOT

_PREFIX = "ich-docker-"
NAME = f"{_PREFIX}{os.getpid()}"
"""Of the user of this process: two runs of the tests do not take each other's away."""


@dataclass(frozen=True)
class OrdinaryUser:
    """Somebody without privileges, at home in a folder."""

    home: Path
    engine: Engine | None

    @property
    def owner(self) -> tuple[int, int]:
        """The user's id, and that of the group."""
        entry = pwd.getpwnam(NAME)
        return entry.pw_uid, entry.pw_gid

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in the home folder; standard output and errors come together."""
        plain = {"HOME": str(self.home), "PATH": "/usr/sbin:/usr/bin:/bin"}
        return subprocess.Popen(
            [
                "runuser",
                "-u",
                NAME,
                "--",
                "env",
                "-i",
                *_assignments(plain | self.engine_at()),
                *_assignments(environment),
                *command,
            ],
            cwd=self.home,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *command: str, **environment: str) -> tuple[int, str]:
        """Run a command to its end; return its exit status and what it printed."""
        process = self.start(*command, **environment)
        text, _ = process.communicate(timeout=600)
        return process.returncode, text

    def engine_at(self) -> dict[str, str]:
        """Where the engine of this user is."""
        return self.engine.environment if self.engine else {}

    def give(self, *paths: Path) -> None:
        """Make files and folders the user's own."""
        for path in paths:
            for each in (path, *path.rglob("*")):
                os.chown(each, *self.owner)


def _assignments(environment: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]


@contextmanager
def ordinary_user(engine: Engine | None) -> Iterator[OrdinaryUser]:
    """Make a user for a while, in the group that may use an engine."""
    home = Path(tempfile.mkdtemp(prefix="ich-home-"))
    _remove_those_of_killed_tests()
    subprocess.run(
        ["useradd", "--no-create-home", "--home-dir", home, "--groups", "docker", NAME], check=True
    )
    try:
        user = OrdinaryUser(home, engine)
        shutil.copytree(ROOT / "docker", home / "docker")
        shutil.copytree(ROOT / "conf", home / "conf")
        user.give(home)
        yield user
    finally:
        subprocess.run(["userdel", NAME], check=True, capture_output=True)
        shutil.rmtree(home)


def _remove_those_of_killed_tests() -> None:
    for entry in pwd.getpwall():
        pid = entry.pw_name.removeprefix(_PREFIX)
        if pid != entry.pw_name and not Path(f"/proc/{pid}").exists():
            subprocess.run(["userdel", entry.pw_name], capture_output=True)


def snapshot(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Digest, mode and time of change of everything below a folder."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in sorted([folder, *folder.rglob("*")])
    }
