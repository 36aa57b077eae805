"""What the pages hold: numbers as the tables have them, within the budget of bytes."""

import base64
from dataclasses import replace

import cv2
import numpy as np
import pytest
from paged import about, each, rows, said, slices

from ich_resources.pages.pictures import raw, shares, webp
from ich_resources.pages.preview import preview
from ich_resources.pages.series_page import key_slices, series_page
from ich_resources.pages.worklist_page import probabilities_of, worklist_page


@pytest.mark.parametrize(
    ("count", "largest"), [(1, 400_000), (28, 400_000), (40, 400_000), (80, 800_000)]
)
def test_a_series_page_is_within_its_budget(count, largest):
    assert len(series_page(slices(count), about(), each(count))) <= largest


def test_long_series_have_smaller_pictures():
    one = slices(1)
    many = replace(
        one,
        crops=np.repeat(one.crops, 301, 0),
        probabilities=np.repeat(one.probabilities, 301, 0),
        folds={name: np.repeat(p, 301, 1) for name, p in one.folds.items()},
        sides=["RLAP"] * 301,
    )
    page = series_page(many, about(), each(301))
    assert b'"size":192' in page and len(page) <= 3_010_000
    assert b'"size":256' in series_page(one, about(), each(1))


def test_pictures_are_the_slices():
    yy, xx = np.mgrid[:512, :512]
    crop = ((yy + xx) // 8).astype(np.uint8)
    small = cv2.resize(crop, (256, 256), interpolation=cv2.INTER_AREA)
    content = np.frombuffer(base64.b64decode(webp(crop, 256, 60)), np.uint8)
    found = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    assert np.abs(found.astype(int) - small).max() <= 8
    values = np.frombuffer(base64.b64decode(raw(crop, 24)), np.uint8)
    assert values.size == 24 * 24
    p = np.array([0, 0.25, 1], np.float32)
    back = np.frombuffer(base64.b64decode(shares(p)), "<u2") / 65535
    np.testing.assert_allclose(back, p, atol=1e-5)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.1, 0.9, 0.8, 0.7, 0.2, 0.3], [1, 3, 5]),
        ([0.9, 0.8], [0]),
        ([0.5], [0]),
        ([0.2, 0.2, 0.2], [0, 2]),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [5, 3, 1]),
    ],
)
def test_key_slices_are_the_highest_and_not_beside_each_other(p, expected):
    values = np.zeros((len(p), 6), np.float32)
    values[:, 0] = p
    assert key_slices(values) == expected


def test_a_preview_knows_which_slices_have_maps():
    found = slices(9)
    some = replace(found, maps=found.maps[3:6], first_map=3, targets=[2, 0, 5])
    shown = preview(some, [4, 0, 5], scaled=True)
    assert [bool(text) for text in shown["maps"]] == [True, False, True]
    assert shown["targets"] == [0, -1, 5]
    p = found.probabilities
    np.testing.assert_allclose(shown["p"], [p[4, 0], 0, p[5, 5]], atol=1e-4)
    assert shown["strength"] == shown["p"]
    assert preview(some, [4], scaled=False)["strength"] == [1.0]
    assert sum(map(len, shown["gray"])) <= 19_000


def test_numbers_of_a_row_are_those_of_the_tables():
    values = slices().probabilities
    row = probabilities_of(values)
    assert row["p"][0] == float(values[:, 0].max()), "to the last digit: a threshold may equal it"
    np.testing.assert_allclose(row["p"], values.max(0), atol=1e-4)
    assert row["k"] == values[:, 0].argmax()
    assert row["t3"] == pytest.approx(np.sort(values[:, 0])[-3:].mean(), abs=1e-4)
    assert probabilities_of(values[:1])["t3"] == pytest.approx(values[0, 0], abs=1e-4)


def test_a_thousand_series_fit_into_25_mb():
    listed, pictures = rows(100, made=5)
    assert len(worklist_page(listed, [], pictures, said())) <= 2_500_000
