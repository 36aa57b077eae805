"""Live operation with PostgreSQL instead of SQLite, by the one switch that make knows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live import FINISHED, ROOT, wait, webserver
from postgres import postgres

from ich_resources.demo.study import uid, write_series

pytestmark = pytest.mark.slow


def test_the_switch_of_make_chooses_the_instance(tmp_path):
    def home(**variables: str) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER_")}
        command = ["make", "--dry-run", "--no-print-directory", f"{tmp_path}/dagster.yaml"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**environment, "DAGSTER_HOME": str(tmp_path), **variables},
            text=True,
            capture_output=True,
            check=True,
        )
        return done.stdout

    assert "cp conf/dagster.yaml" in home()
    assert "cp conf/dagster.postgres.yaml" in home(DAGSTER_POSTGRES_URL="postgresql://x")


def test_the_instances_differ_in_their_storage_alone():
    plain = (ROOT / "conf" / "dagster.yaml").read_text()
    other = (ROOT / "conf" / "dagster.postgres.yaml").read_text()
    storage = "storage:\n  postgres:\n    postgres_url:\n      env: DAGSTER_POSTGRES_URL\n"
    settings = plain[plain.index("telemetry:") :]
    assert other[other.index("storage:") :] == storage + settings


def test_a_study_is_scored_with_postgres(site):
    home = Path(site.environment["DAGSTER_HOME"])
    inbox = Path(site.environment["DICOM_INBOX"])
    shutil.rmtree(home)
    home.mkdir()
    shutil.copy(ROOT / "conf" / "dagster.postgres.yaml", home / "dagster.yaml")
    dagster = str(Path(sys.executable).with_name("dagster"))
    with postgres() as url:
        site.environment["DAGSTER_POSTGRES_URL"] = url
        command = [dagster, "instance", "concurrency", "set", "gpu", "1"]
        subprocess.run(command, env=site.environ(), check=True, capture_output=True)
        write_series(inbox / "head", name="head", slices=3, bleed=True, size=64)
        (inbox / "head" / ".done").touch()
        with webserver(site.environ(), site.root / "log") as server:

            def finished() -> list[str]:
                return [r["status"] for r in server.runs() if r["status"] in FINISHED]

            assert wait(150, finished), (site.root / "log").read_text()[-3000:]
            (run,) = server.runs()
        # A batch on the same files finds nothing left to do.
        shutil.copytree(inbox / "head", site.dicom / "head")
        done = site.batch()
        assert done.status == 0, done.text
        assert "unchanged: 1" in done.text
    assert (run["status"], run["tags"]["dagster/partition"]) == ("SUCCESS", uid("demo", "head"))
    assert list(home.rglob("*.db")) == []
    assert (site.output / "predictions_per_slice.csv").is_file()
