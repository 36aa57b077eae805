"""The one rule for UIDs."""

import pytest

from ich_resources.uids import is_uid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.840.10008", True),
        ("1.2.0840", True),  # leading zeros occur and do no harm
        ("1" * 64, True),
        ("1" * 65, False),
        ("1" * 1000, False),
        ("", False),
        ("1..2", True),
        (".1", False),
        ("1.2.", True),
        ("1.2\n", False),
        ("1.2/3", False),
        ("../../etc", False),
        ("1.2\0", False),
        ("1.٢", False),  # a digit, but none of ASCII
        ("٢.1", False),
    ],
)
def test_is_uid(text, expected):
    assert is_uid(text) is expected
