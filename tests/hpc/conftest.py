"""One Docker engine with the project's image, and one ordinary user, for all tests here."""

from collections.abc import Iterator

import pytest
from docker_engine import Engine, build, docker_engine, import_base
from docker_user import OrdinaryUser, ordinary_user


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine that takes ``--gpus``, though there is no GPU."""
    with docker_engine(nvidia_hook=True) as engine:
        import_base(engine)
        yield engine


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The project's image, built by its Dockerfile."""
    build(engine, "ich")
    return "ich"


@pytest.fixture(scope="session")
def docker_user(engine: Engine) -> Iterator[OrdinaryUser]:
    """Somebody who may use the engine."""
    with ordinary_user(engine) as user:
        yield user
