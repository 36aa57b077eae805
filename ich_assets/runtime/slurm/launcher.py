"""A run launcher: each run of the UI, a sensor or a schedule becomes a job of SLURM."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from dagster import DagsterInstance, DagsterRun, Field, Map, StringSource
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from ich_assets.runtime.slurm import queue
from ich_assets.runtime.slurm.options import sbatch_options
from ich_assets.runtime.slurm.tags import JOB_TAG, RUN_TAG

_LAST_LINES = 20


class SlurmRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Submit runs with sbatch, end them with scancel, ask squeue and sacct how they are.

    Parameters
    ----------
    options : mapping of str to str, optional
        Options of sbatch for every run, by long name: ``{"partition": "gpu", "gres": "gpu:1"}``. A
        run's tag ``slurm/<option>`` overrides one.
    command : sequence of str, optional
        How a job calls dagster, such as ``singularity exec --nv ich.sif dagster``; left out, with
        the Python that runs this.
    setup : sequence of str, optional
        Lines of bash before that, such as ``module load singularity``.
    log_dir : str, optional
        Folder for what jobs print, seen by every node; left out, ``slurm`` below DAGSTER_HOME.
    """

    def __init__(
        self,
        inst_data: ConfigurableClassData | None = None,
        *,
        options: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
        setup: Sequence[str] = (),
        log_dir: str = "",
    ) -> None:
        super().__init__()
        self._inst_data = inst_data
        self._options = dict(options or {})
        self._command = list(command) or [sys.executable, "-m", "dagster"]
        self._setup = list(setup)
        self._log_dir = log_dir

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """The configuration that Dagster made this from."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the fields of ``run_launcher.config`` in dagster.yaml."""
        return {
            "options": Field(Map(str, StringSource), is_required=False),
            "command": Field([StringSource], is_required=False),
            "setup": Field([StringSource], is_required=False),
            "log_dir": Field(StringSource, is_required=False),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make a launcher from dagster.yaml.

        Raises
        ------
        IchError
            If an option must not be set, or has a wrong value.
        """
        sbatch_options(config_value.get("options", {}), {})
        return cls(inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Submit a run.

        Raises
        ------
        IchError
            If a tag is not an option, or SLURM refuses the job. Dagster then marks the run as
            failed.
        ValueError
            If the run has no code location.
        """
        run = context.dagster_run
        if context.job_code_origin is None:
            raise ValueError(f"run {run.run_id} has no code to run")
        options = sbatch_options(self._options, run.tags)
        logs = self._logs
        logs.mkdir(parents=True, exist_ok=True)
        worker = ExecuteRunArgs(
            job_origin=context.job_code_origin,
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=True,
        )
        _, *arguments = worker.get_command_args()  # its first word is "dagster"
        script = [
            "#!/bin/bash",
            "set -eo pipefail",
            *self._setup,
            # exec: SLURM's signals then reach the run itself
            f"exec {shlex.join([*self._command, *arguments])}",
        ]
        job = queue.submit(
            "\n".join(script) + "\n",
            [
                f"--job-name=ich-{run.run_id[:8]}",
                f"--comment={run.run_id}",
                f"--output={str(logs).replace('%', '%%')}/{run.run_id}_%j.log",
                "--export=ALL",
                "--no-requeue",  # Dagster repeats runs
                *options,
            ],
        )
        self._instance.add_run_tags(run.run_id, {JOB_TAG: job, RUN_TAG: run.run_id})
        text = " ".join(["SLURM job", job, *options])
        self._instance.report_engine_event(text, run, cls=self.__class__)

    @property
    def _logs(self) -> Path:
        return Path(self._log_dir or Path(self._instance.root_directory) / "slurm")

    def terminate(self, run_id: str) -> bool:
        """End a run; return whether it had a job to end.

        A waiting job is cancelled. The process of a running job gets SIGTERM and reports the
        cancellation itself. The job of a run that is already finished is cancelled at once.
        """
        run = self._instance.get_run_by_id(run_id)
        job = run and _job_of(run)
        if run is None or not job:
            return False
        state = queue.state(job)
        if state and state not in queue.ALIVE:
            return False
        if run.is_finished:
            queue.cancel(job)
        elif state in queue.WAITING:
            self._instance.report_run_canceling(run)
            queue.cancel(job)
            self._instance.report_run_canceled(run)
        else:
            self._instance.report_run_canceling(run)
            queue.ask_to_end(job)
        return True

    def with_live_jobs(self, runs: Sequence[DagsterRun]) -> list[DagsterRun]:
        """Return the runs whose job waits or runs. One call asks SLURM for all of them."""
        jobs = {run.run_id: _job_of(run) for run in runs}
        alive = queue.alive() if any(jobs.values()) else set()
        return [run for run in runs if jobs[run.run_id] in alive]

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: Dagster's run monitoring calls ``check_run_worker_health``."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return whether the job of a run still runs.

        Dagster marks a run as failed unless the answer is RUNNING or SUCCESS. So the answer is
        RUNNING for a job that SLURM does not know at the moment, and Dagster asks again. It is
        RUNNING too for a run that was never a job, such as a run inside a batch.
        """
        job = _job_of(run)
        state = queue.state(job) if job else ""
        message = f"SLURM job {job}: {state or 'not known at the moment'}"
        if not state or state in queue.ALIVE:
            return CheckRunHealthResult(WorkerStatus.RUNNING, message, run_worker_id=job)
        status = WorkerStatus.SUCCESS if state == "COMPLETED" else WorkerStatus.FAILED
        return CheckRunHealthResult(status, message, run_worker_id=job)

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """Return the last lines that the job of a run has printed, None where there are none."""
        path = self._logs / f"{run.run_id}_{_job_of(run)}.log"
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return "\n".join([f"Last lines of {path}:", *lines[-_LAST_LINES:]])


def _job_of(run: DagsterRun) -> str | None:
    """Return the job of a run, None for a run that is not a job (yet)."""
    return run.tags.get(JOB_TAG) if run.tags.get(RUN_TAG) == run.run_id else None
