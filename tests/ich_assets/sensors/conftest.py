"""An empty inbox with its sensor."""

import pytest
from inbox import Inbox


@pytest.fixture
def inbox(tmp_path) -> Inbox:
    return Inbox(tmp_path)
