"""Calls of SLURM's commands: sbatch, scancel, squeue, sacct."""

import shlex
import subprocess
from collections.abc import Sequence

from ich_resources.errors import IchError

WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"})
"""States of a job that has not begun."""
ALIVE = WAITING | {
    "COMPLETING",
    "RESIZING",
    "RESV_DEL_HOLD",
    "RUNNING",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
}
"""States of a job that may still do something."""
_SECONDS = 60


def submit(script: str, options: Sequence[str]) -> str:
    """Submit a batch script; return the number of its job.

    Raises
    ------
    IchError
        If SLURM refuses it or is not installed; with the message of SLURM.
    """
    # Options are arguments, and the script comes by standard input: no shell reads either here.
    return _run(["sbatch", "--parsable", *options], script).partition(";")[0]


def cancel(job: str) -> None:
    """Cancel a job, waiting or running."""
    _run(["scancel", job])


def ask_to_end(job: str) -> None:
    """Send SIGTERM to the process of a running job, which then reports its end."""
    _run(["scancel", "--batch", "--signal=TERM", job])


def alive() -> set[str]:
    """Return the jobs of this user that wait or run."""
    return set(_run(["squeue", "--noheader", "--me", "--format=%A"]).split())


def state(job: str) -> str:
    """Return the state of a job, such as RUNNING; empty where SLURM does not know it now.

    A job leaves the queue some minutes after its end. The accounting knows it a moment later.
    """
    for command in (
        ["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}"],
        ["sacct", "--noheader", "--allocations", "--parsable2", "--format=State", f"--jobs={job}"],
    ):
        try:
            lines = _run(command).split()
        except IchError:
            continue  # a controller that restarts, a job it has forgotten, no accounting
        if lines:
            return lines[0]
    return ""


def _run(command: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except FileNotFoundError as err:
        raise IchError(
            f"{command[0]} is not installed here",
            remedy="run Dagster's daemon and webserver on a machine that submits to SLURM",
        ) from err
    except subprocess.TimeoutExpired as err:
        raise IchError(
            f"{command[0]} gave no answer for {_SECONDS} s",
            remedy="see with scontrol ping whether SLURM's controller answers, then start the run "
            "again",
        ) from err
    except subprocess.CalledProcessError as err:
        raise IchError(
            f"{shlex.join(command)}: {err.stderr.strip()}",
            remedy="correct what SLURM names (options stand in dagster.yaml and in the tags of the "
            "run), then start the run again",
        ) from err
    return done.stdout.strip()
