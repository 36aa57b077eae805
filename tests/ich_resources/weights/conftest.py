"""A small release on a real server, and a model folder to fetch it into."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fetching import Site
from release import REPOSITORY, TAG, ReleaseServer, public, running, small_release

from ich_resources.weights.github import public_release
from ich_resources.weights.sources import Source


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "models")


@pytest.fixture(scope="session")
def assets() -> dict[str, bytes]:
    return small_release()


@pytest.fixture
def server(assets: dict[str, bytes]) -> Iterator[ReleaseServer]:
    """The small release of a public repository."""
    with running(ReleaseServer()) as started:
        public(started, assets)
        yield started


@pytest.fixture
def source(server: ReleaseServer) -> Callable[..., Source]:
    """Make the plain source of that server, with so many attempts after the first."""
    return lambda again=3: public_release(
        server.url(), REPOSITORY, TAG, "THE_TOKEN", (0.0,) * again
    )
