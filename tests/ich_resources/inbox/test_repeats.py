"""Which failed series are repeated."""

import pytest

from ich_resources.inbox.repeats import Failed, codes_in, to_repeat

FAILED = [
    Failed("1", codes_in("SERIES_FAILED x28, GANTRY_TILT", "RUN")),
    Failed("2", codes_in("NOT_HU")),
    Failed("3", codes_in("", "CHECK_FAILED")),
]


@pytest.mark.parametrize(
    ("codes", "series", "expected"),
    [
        ([], [], "123"),
        (["RUN"], [], "1"),
        (["GANTRY_TILT", "CHECK_FAILED"], [], "13"),
        (["NOT"], [], ""),
        ([], ["2", "9"], "2"),
        (["RUN"], ["2"], ""),
    ],
)
def test_by_code_and_by_series(codes, series, expected):
    assert [item.series for item in to_repeat(FAILED, codes, series)] == list(expected)


def test_codes_without_counts():
    assert codes_in("LOCALIZER x2, GANTRY_TILT", "") == {"LOCALIZER", "GANTRY_TILT"}
