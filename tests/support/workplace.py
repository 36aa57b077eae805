"""The real command line, on folders that a test made."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from taken_away import compared

from ich_resources import environment

CONFIG = """\
resources:
  networks: {config: {max_folds_per_backbone: 1}}
  saliency: {config: {image_size_override: 64, method: gradcam}}
"""

HOME_YAML = """\
telemetry: {enabled: false}
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
"""
"""A dagster.yaml for tests that read the terminal: Dagster's capture may lose the last line."""


@dataclass(frozen=True)
class Finished:
    """Exit status and output of one command."""

    status: int
    text: str


@dataclass
class Workplace:
    """Folders of one user, and the command that user types."""

    root: Path
    models: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def dicom(self) -> Path:
        return self.root / "dicom"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def output(self) -> Path:
        return self.results / "output"

    def environ(self) -> dict[str, str]:
        ours = {
            "DICOM_INPUT": str(self.dicom),
            "RUN_ROOT": str(self.results),
            "MODEL_DIR": str(self.models),
            "PYTHONWARNINGS": "",
            "XDG_CACHE_HOME": str(self.models.parent / "cache"),
        }
        names = {v for k, v in vars(environment).items() if k.isupper() and isinstance(v, str)}
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith("DAGSTER_") and k not in names
        }
        return kept | ours | self.environment

    def batch(self, config: str = CONFIG, *, prefix: Sequence[str] = ()) -> Finished:
        """Run ``dagster job execute`` on the batch job."""
        return self.execute("ich_batch", config, prefix=prefix)

    def execute(self, job: str, config: str = "{}", *, prefix: Sequence[str] = ()) -> Finished:
        """Run ``dagster job execute`` on any job."""
        command = [*prefix, *self._command(job, config)]
        done = subprocess.run(
            command, env=self.environ(), cwd=self.root, text=True, capture_output=True, timeout=600
        )
        return Finished(done.returncode, done.stdout + done.stderr)

    def start_batch(self, output: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Begin a batch in a process group of its own, which a test may interrupt or kill."""
        return self.start("ich_batch", CONFIG, output)

    def start(
        self, job: str, config: str, output: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Begin any job likewise."""
        return subprocess.Popen(
            self._command(job, config),
            env=self.environ(),
            cwd=self.root,
            text=True,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _command(self, job: str, config: str) -> list[str]:
        file = self.root / "run.yaml"
        file.write_text(config)
        dagster = str(Path(sys.executable).with_name("dagster"))
        return [
            dagster,
            "job",
            "execute",
            "-m",
            "ich_assets.definitions",
            "-j",
            job,
            "-c",
            str(file),
        ]

    def tree(self) -> dict[str, bytes]:
        """Every file of the results, without times: not the report, and not the records."""
        return {
            path.relative_to(self.results).as_posix(): compared(path)
            for path in sorted(self.results.rglob("*"))
            if path.is_file() and path.suffix != ".json"
        }

    def ledger(self) -> pd.DataFrame:
        """``series_ledger.csv`` by SeriesInstanceUID."""
        table = pd.read_csv(self.output / "series_ledger.csv", dtype={"series_id": str})
        return table.set_index("series_id")
