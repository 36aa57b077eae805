"""One line says what is wrong, where, and what to do."""

from pathlib import Path

import pytest

from ich_resources.errors import (
    CheckpointError,
    DicomError,
    FetchError,
    IchError,
    InferenceError,
    StorageError,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "it broke"),
        ({"path": Path("/a/b")}, "it broke [/a/b]"),
        ({"series": "1.2"}, "it broke [series 1.2]"),
        ({"remedy": "mend it"}, "it broke -> mend it"),
        ({"code": "BROKEN"}, "it broke"),
        (
            {"path": "/a", "series": "1.2", "remedy": "mend it", "code": "X"},
            "it broke [/a] [series 1.2] -> mend it",
        ),
    ],
)
def test_one_line(values, expected):
    assert str(IchError("it broke", **values)) == expected


@pytest.mark.parametrize(
    "kind", [DicomError, CheckpointError, FetchError, InferenceError, StorageError]
)
def test_all_are_ich_errors_and_no_value_errors(kind):
    assert issubclass(kind, IchError) and not issubclass(kind, ValueError)
    with pytest.raises(IchError) as caught:
        raise kind("it broke", path="/a", series="1.2", remedy="mend it", code="X")
    err = caught.value
    assert (err.message, err.path, err.series, err.remedy, err.code) == (
        "it broke",
        "/a",
        "1.2",
        "mend it",
        "X",
    )
