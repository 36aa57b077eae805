"""What several tests share: stand-in checkpoints, made once; and which tests run side by side."""

import os
import signal
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

SHARED = Path(__file__).parents[2] / "shared"


ENGINES = {"tests/hpc/slurm/test_chain.py": "docker", "tests/hpc/slurm/": "slurm"}
ENGINES |= {"tests/hpc/": "docker"}
"""The engine of the tests below a path; the first path that fits counts."""


def group_of(nodeid: str) -> str:
    """Return what a test shares with others: their engine, or their file."""
    path = nodeid.partition("::")[0]
    return next((name for start, name in ENGINES.items() if path.startswith(start)), path)


class SharedEngines(LoadFileScheduling):
    """Runs the tests of a group in one process, so that the images of an engine are built once."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedEngines:
    """Let pytest-xdist distribute the tests by group."""
    return SharedEngines(config, log)


def pytest_configure() -> None:
    """Let SIGINT end the processes that tests start.

    A shell that starts a command in the background of a script lets it ignore SIGINT, and so would
    every process that it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that need an engine first: they take longest."""
    order = ["docker", "slurm"]
    items.sort(key=lambda i: [*order, group_of(i.nodeid)].index(group_of(i.nodeid)))


@pytest.fixture(scope="session")
def stand_in_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with one untrained fold of each real backbone.

    All workers share it, and so the cache of converted networks beside it.
    """
    from ich_resources.demo.checkpoints import write_checkpoints
    from ich_resources.locks import exclusive_lock

    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = base / "stand-ins" / "models", base / "stand-ins" / "made"
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(base / "stand-ins" / "lock"):
        if not made.exists():
            write_checkpoints(folder, folds=1)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared golden data beside the checkout."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"the golden data are not at {SHARED}")
    return SHARED
