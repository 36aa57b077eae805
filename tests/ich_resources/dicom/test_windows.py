"""The window of a slice: header, brain pair or fixed; what is told of it."""

import pytest
from pixel_values import head, judge, rewrite

from ich_resources.dicom.reading import ReadingOptions
from ich_resources.dicom.resource import DicomResource
from ich_resources.dicom.windows import parse_window, shows_brain
from ich_resources.errors import IchError


def _with(text):
    return ReadingOptions(window=parse_window(text))


def _windows(found):
    return [item.window for item in found.items]


@pytest.mark.parametrize(
    ("window", "brain"),
    [((0, 200), True), ((80, 1), True), ((40, 201), False), ((-1, 80), False), ((81, 80), False)],
)
def test_the_bounds_of_a_brain_window(window, brain):
    assert shows_brain(window) is brain


@pytest.mark.parametrize(
    ("header", "expected", "codes"),
    [
        ({"WindowCenter": None, "WindowWidth": None}, (40, 80), {"WINDOW_ASSUMED"}),
        ({"WindowCenter": 500, "WindowWidth": None}, (40, 80), {"WINDOW_ASSUMED"}),
        ({"WindowCenter": None, "WindowWidth": 2000}, (40, 80), {"WINDOW_ASSUMED"}),
        ({"WindowCenter": "", "WindowWidth": "150"}, (40, 80), {"WINDOW_ASSUMED"}),
        ({"WindowCenter": [35, 600], "WindowWidth": [100, 2800]}, (35, 100), set()),
        ({"WindowCenter": [300, 40], "WindowWidth": [700, 80]}, (300, 700), {"NOT_BRAIN_WINDOW"}),
        ({"WindowCenter": [35, 600], "WindowWidth": 100}, (35, 100), set()),
        ({"WindowCenter": 100, "WindowWidth": 200}, (100, 200), {"NOT_BRAIN_WINDOW"}),
    ],
)
def test_the_window_of_the_header(tmp_path, header, expected, codes):
    rewrite(head(tmp_path), **header)
    found = judge(tmp_path)
    assert set(_windows(found)) == {expected}
    assert found.codes == codes


@pytest.mark.parametrize(
    ("centers", "widths", "expected", "codes"),
    [
        ([600, 40, 35], [2800, 80, 100], (40, 80), {"BONE_KERNEL"}),
        ([600, 300], [2800, 700], (600, 2800), {"NOT_BRAIN_WINDOW", "BONE_KERNEL"}),
        ([600, 40], [2800, 1], (600, 2800), {"NOT_BRAIN_WINDOW", "BONE_KERNEL"}),
    ],
)
def test_the_first_brain_window_of_several(tmp_path, centers, widths, expected, codes):
    rewrite(head(tmp_path), WindowCenter=centers, WindowWidth=widths)
    found = judge(tmp_path, _with("header_brain"))
    assert set(_windows(found)) == {expected}
    assert found.codes == codes


def test_windows_that_differ_by_slice(tmp_path):
    rewrite(
        head(tmp_path, slices=3), names=("IM0002",), WindowCenter=[700, 50], WindowWidth=[900, 90]
    )
    as_said, brain = judge(tmp_path), judge(tmp_path, _with("header_brain"))
    assert _windows(as_said) == [(40, 80), (700, 900), (40, 80)]
    assert as_said.series.remarks[0].reason == "windows that are not for brain: 700/900"
    assert _windows(brain) == [(40, 80), (50, 90), (40, 80)]
    assert brain.codes == set()


@pytest.mark.parametrize("center", [None, 300])
def test_a_fixed_window_counts_for_all(tmp_path, center):
    rewrite(head(tmp_path), names=("IM0002",), WindowCenter=center)
    found = judge(tmp_path, _with("35/100"))
    assert set(_windows(found)) == {(35, 100)}
    assert found.codes == set()


def test_the_assumed_window_is_told_with_its_number(tmp_path):
    rewrite(head(tmp_path), names=("IM0002", "IM0003"), WindowWidth=None)
    assert [r.reason for r in judge(tmp_path).series.remarks] == [
        "slices without a whole window: 2; 40/80 is assumed"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40/80", (40, 80)),
        ("35.5/ 100", (35.5, 100)),
        ("-10/150", (-10, 150)),
    ],
)
def test_fixed_windows_are_read(text, expected):
    assert DicomResource(window=text).window_choice.fixed == expected


@pytest.mark.parametrize(
    "text",
    [
        "40",
        "40/0",
        "40/1",
        "abc",
        "",
        "40/",
        "/80",
        "40/-80",
        "nan/80",
        "40/80/2",
        "9000/80",
        "Header",
    ],
)
def test_other_texts_are_an_error_with_what_to_do(text):
    with pytest.raises(IchError, match=r"window .*resources\.dicom in conf/run.example.yaml"):
        _ = DicomResource(window=text).window_choice


def test_only_what_is_changed_counts():
    assert DicomResource().changed_values == {}
    assert DicomResource(window="header").changed_values == {}
    assert DicomResource(window="40.0 / 80").changed_values == {"window": "40/80"}
    assert DicomResource(mend_signed=True, window="header_brain").changed_values == {
        "window": "header_brain",
        "mend_signed": True,
    }
