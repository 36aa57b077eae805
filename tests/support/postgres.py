"""A real PostgreSQL of a test's own, where its programs are installed."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines import engine_is_missing
from live import free_port


def _programs() -> Path:
    onpath = shutil.which("initdb")
    found = [Path(onpath)] if onpath else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        engine_is_missing("no PostgreSQL here: tests/hpc/install_services.sh")
    return found[-1].parent


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server for a while; yield the URL of an empty database."""
    programs = _programs()
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    owner = pwd.getpwnam(user)
    as_user = {"user": user, "group": owner.pw_gid, "extra_groups": []} if not os.geteuid() else {}
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    os.chown(home, owner.pw_uid, owner.pw_gid)
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments],
            check=True,
            cwd=home,
            stdout=subprocess.DEVNULL,
            **as_user,
        )

    data = str(home / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "dagster", "--no-sync")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(home / "log"), "start")
    try:
        yield f"postgresql+psycopg2://dagster@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(home)
