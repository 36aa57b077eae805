"""What tests of Dagster's store share."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with SQLite files."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance
