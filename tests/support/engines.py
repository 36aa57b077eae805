"""Handling of an engine that a test needs and that is not installed."""

import os
from typing import NoReturn

import pytest


def engine_is_missing(why: str) -> NoReturn:
    """Skip the test, or fail it where ``ICH_ENGINES`` is ``required``."""
    if os.environ.get("ICH_ENGINES") == "required":
        pytest.fail(f"ICH_ENGINES=required, and {why}")
    pytest.skip(why)
