"""What several tests share: stand-in checkpoints, made once."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


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
