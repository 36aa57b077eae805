"""What several tests share: stand-in checkpoints, made once; and which tests run side by side."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


ENGINES = {"engine": "docker", "cluster": "slurm"}
"""Fixtures that start an engine, and the group of the tests that share it."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its group: all tests of a group run in one process of pytest-xdist.

    Tests that share an engine are a group, so that its images are built once. They take longest
    and come first. Every other file is a group of its own.
    """
    order = [*ENGINES.values()]

    def group(item: pytest.Item) -> str:
        fixtures = getattr(item, "fixturenames", ())
        shared = [name for engine, name in ENGINES.items() if engine in fixtures]
        return shared[0] if shared else str(item.path)

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
    items.sort(key=lambda i: order.index(group(i)) if group(i) in order else len(order))


@pytest.fixture(scope="session")
def stand_in_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with one untrained fold of each real backbone."""
    from ich_resources.demo.checkpoints import write_checkpoints

    folder = tmp_path_factory.mktemp("models")
    write_checkpoints(folder, folds=1)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared golden data beside the checkout."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"the golden data are not at {SHARED}")
    return SHARED
