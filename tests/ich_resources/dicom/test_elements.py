"""Numbers with a decimal comma."""

import pytest
from ledgers import only_series, scan

from ich_resources.dicom.header_values import read_header


def _header(path):
    return read_header(path.read_bytes(), path)


@pytest.mark.parametrize(
    ("text", "first"),
    [(b"40,0", 40), (b" 35,5 ", 35.5), (b"4,0e1", 40), (b"-1,5", -1.5), (b"40,0\\400,0", 40)],
)
def test_a_decimal_comma_is_a_point(one, set_bytes, text, first):
    set_bytes(one, "WindowCenter", text)
    header = _header(one)
    assert (header.window, header.malformed) == ((first, 80), "")
    assert only_series(scan(one.parent)).count("admitted") == 1


def test_so_it_is_in_every_number(one, set_bytes):
    set_bytes(one, "RescaleIntercept", b"-1024,0")
    set_bytes(one, "ImagePositionPatient", b"-115,0\\-115,0\\5,25")
    set_bytes(one, "PixelSpacing", b"0,45\\0,45")
    header = _header(one)
    assert header.rescale == (1, -1024)
    assert header.position == (-115, -115, 5.25)
    assert header.pixel_spacing == (0.45, 0.45)
    assert header.malformed == ""


def test_every_pair_is_read_with_its_commas(one, set_bytes):
    set_bytes(one, "WindowCenter", b"600,0\\40")
    set_bytes(one, "WindowWidth", b"2800\\80,0")
    assert _header(one).windows == ((600, 2800), (40, 80))


@pytest.mark.parametrize("text", [b"1.024,5", b"1,024,5", b"4O,0", b"forty", b",", b"40;0"])
def test_text_that_is_no_number_stays_an_error(one, set_bytes, text):
    set_bytes(one, "WindowCenter", text)
    assert _header(one).malformed.startswith("WindowCenter cannot be read")


def test_a_further_value_that_is_no_number_ends_the_pairs(one, set_bytes):
    set_bytes(one, "WindowCenter", b"40\\abc")
    set_bytes(one, "WindowWidth", b"80\\")
    header = _header(one)
    assert (header.windows, header.malformed) == (((40, 80),), "")


def test_text_with_a_comma_in_another_element_stays(one, edit):
    edit(one, SeriesDescription="1,5 mm")
    assert _header(one).description == "1,5 mm"
