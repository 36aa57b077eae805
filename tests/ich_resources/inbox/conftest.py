"""An empty index of an inbox."""

import pytest

from ich_resources.inbox.index import InboxIndex


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "inbox.sqlite"


@pytest.fixture
def index(path):
    with InboxIndex.open(path) as index:
        yield index
