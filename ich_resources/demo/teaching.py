"""Trains the networks of the demo on phantoms, once; a killed training goes on in the next run."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.table import BACKBONES
from ich_resources.children import Children, asking_threads
from ich_resources.demo.plan import Plan
from ich_resources.errors import IchError
from ich_resources.locks import exclusive_lock
from ich_resources.whole_files import write_whole

MADE_FROM = "demo.json"
"""Below the model folder: the plan that its networks were trained by. Written last."""
_WORKERS = Children("ich_resources.demo.worker")
_CHUNK = 6
"""Patients that a worker paints at a time."""


def is_trained(models: Path, plan: Plan) -> bool:
    """Return whether a model folder holds the networks of a plan, finished."""
    try:
        made_from = json.loads((models / MADE_FROM).read_bytes())
        lines = (models / DIGESTS_FILE).read_text(encoding="utf-8").splitlines()
        there = [(models / line.partition("  ")[2]).is_file() for line in lines]
        same = bool(made_from["digest"] == plan.digest)
        return same and len(there) == len(BACKBONES) and all(there)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def train_networks(
    folder: Path, models: Path, plan: Plan, tell: Callable[[str], None] = print
) -> None:
    """Train one fold of each backbone on phantoms. Networks of the same plan are kept.

    Parameters
    ----------
    folder : Path
        Takes images and states while the networks train; empty at the end.
    models : Path
        Gets ``2DNet/...`` as the release has it, ``checkpoints.sha256`` and ``demo.json``.
    plan : Plan
        The training.
    tell : callable
        Called with sentences for people.

    Raises
    ------
    IchError
        If a training fails, or a process of it dies.
    OSError
        If a file cannot be written.
    """
    with exclusive_lock(
        folder / "lock", on_wait=lambda: tell("Another demo is training here: waiting for it")
    ):
        if is_trained(models, plan):
            return
        for name in (MADE_FROM, DIGESTS_FILE):
            (models / name).unlink(missing_ok=True)
        work = folder / plan.digest[:12]
        done = _train_all(work, models, plan, tell)
        lines = "".join(f"{one['sha256']}  {one['path']}\n" for one in done)
        write_whole(models / DIGESTS_FILE, lines.encode(), ".part-digests")
        about = {"digest": plan.digest, "trained_on": "phantoms", "plan": plan.to_plain()}
        write_whole(models / MADE_FROM, json.dumps(about, indent=1).encode(), ".part-demo")
        for old in (path for path in folder.iterdir() if path.is_dir()):
            shutil.rmtree(old)


def _train_all(
    work: Path, models: Path, plan: Plan, tell: Callable[[str], None]
) -> list[dict[str, str]]:
    cores = len(os.sched_getaffinity(0))
    workers = min(cores, len(BACKBONES))
    with _threads_of_children(max(1, cores // workers)), asking_threads(_WORKERS, workers) as pool:
        tell(f"Painting {plan.patients + plan.held_out} phantom patients")
        labels = _painted(work, plan, pool.map)
        tell("Training the three networks on them, once: one to three minutes on two cores")
        # The slowest first, so that the others fit beside it.
        requests = [
            {
                "task": "train",
                "folder": str(work),
                "models": str(models),
                "plan": plan.to_plain(),
                "backbone": name,
                "labels": labels,
            }
            for name in reversed(BACKBONES)
        ]
        trained = []
        for request, one in zip(requests, pool.map(_ask, requests), strict=True):
            tell(f"Trained {request['backbone']}")
            trained.append(one)
        return trained[::-1]


def _painted(work: Path, plan: Plan, map_all: Callable[..., Iterable[Any]]) -> list[Any]:
    """Paint the patients, or read the labels of those that an earlier run has painted."""
    file, images = work / "labels.json", work / "png"
    if file.is_file():
        labels: list[Any] = json.loads(file.read_bytes())
        return labels
    images.mkdir(parents=True, exist_ok=True)
    seeds = [seed for part in plan.patient_seeds for seed in part]
    requests = [
        {
            "task": "paint",
            "folder": str(images),
            "seeds": seeds[start : start + _CHUNK],
            "slices": plan.slices,
            "size": plan.size,
        }
        for start in range(0, len(seeds), _CHUNK)
    ]
    labels = [patient for chunk in map_all(_ask, requests) for patient in chunk]
    write_whole(file, json.dumps(labels).encode(), ".part-labels")
    return labels


def _ask(request: dict[str, Any]) -> Any:
    """Have a worker do a task, and return what it has done.

    Raises
    ------
    IchError
        If it fails, or the process dies.
    """
    try:
        answer = json.loads(_WORKERS.ask(json.dumps(request).encode()))
    except EOFError as err:
        raise IchError(
            f"a process of the demo died ({request['task']})",
            remedy="run make demo again: it goes on where it was; the kernel may have ended the "
            "process because memory ran out (it needs about 1.5 GB)",
        ) from err
    if "error" in answer:
        raise IchError(
            f"a process of the demo failed: {answer['error']}",
            remedy="mend this, then run make demo again: it goes on where it was",
        )
    return answer["done"]


@contextmanager
def _threads_of_children(number: int) -> Iterator[None]:
    """Let new processes use so many threads each: more would only wait for each other."""
    earlier = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(number)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if earlier is not None:
            os.environ["OMP_NUM_THREADS"] = earlier
