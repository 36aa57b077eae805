"""One GPU for each training, where a machine has several and the pool lets several runs in."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ich_resources.locks import exclusive_lock
from ich_resources.training.results import Machine


@contextmanager
def one_gpu(machine: Machine, say: Callable[[str], None]) -> Iterator[Machine]:
    """Hold a GPU that no other training of this user holds; wait where all are held.

    Parameters
    ----------
    machine : Machine
        Its device: a certain one is left as it is, and so is a machine with one GPU or none.
    say : callable
        Called with one sentence where it has to wait.
    """
    from ich_resources.backbones.device import resolve_devices

    devices = [str(device) for device in resolve_devices(machine.device)]
    if len(devices) < 2:
        yield machine
        return
    with _first_free(lock_files(devices), say) as number:
        yield replace(machine, device=devices[number])


def lock_files(devices: Sequence[str], folder: Path | None = None) -> list[Path]:
    """Return the lock file of each GPU; the same for every process of this user.

    Parameters
    ----------
    devices : sequence of str
        As ``cuda:0``: numbered among those that CUDA_VISIBLE_DEVICES shows.
    folder : Path, optional
        Default: that of temporary files.
    """
    shown = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    numbers = [int(device.partition(":")[2]) for device in devices]
    names = [shown[n] if n < len(shown) else str(n) for n in numbers]
    folder = folder or Path(tempfile.gettempdir())
    return [folder / f"ich-{os.getuid()}-gpu-{name.replace('/', '_')}.lock" for name in names]


@contextmanager
def _first_free(paths: Sequence[Path], say: Callable[[str], None]) -> Iterator[int]:
    """Hold the first lock that nobody holds; give its number."""
    for number, path in enumerate(paths):
        lock = exclusive_lock(path, wait=False)
        try:
            lock.__enter__()
        except BlockingIOError:
            continue
        try:
            yield number
        finally:
            lock.__exit__(None, None, None)
        return
    say(f"all {len(paths)} GPUs train; waiting for the first")
    with exclusive_lock(paths[0]):
        yield 0
