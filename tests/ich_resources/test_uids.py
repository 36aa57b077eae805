"""The one rule for identifiers, and the names of slices."""

import hashlib

import pytest

from ich_resources.uids import (
    OWN_NAMES,
    has_safe_characters,
    is_dicom_uid,
    is_rooted_uid,
    is_uid,
    names_a_series,
    slice_stem,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.840.10008", True),
        ("1.2.0840", True),  # leading zeros occur and do no harm
        ("1" * 64, True),
        ("1" * 65, False),
        ("1" * 1000, False),
        ("ID_0a1b2c3d4", True),
        ("ID_e22a5534e6", True),
        (hashlib.sha256(b"x").hexdigest(), True),
        ("3F2504E0-4F89-11D3-9A0C-0305E82C3301", True),
        ("sub-01_ses-2", True),
        ("_x", True),
        ("NA", True),
        ("1..2", True),
        ("1.2.", True),
        ("", False),
        (".", False),
        ("..", False),
        (".1", False),
        ("-1", False),
        ("1.2\n", False),
        ("1.2/3", False),
        ("1.2\\3", False),
        ("a b", False),
        ("a\tb", False),
        ("../../etc", False),
        ("1.2\0", False),
        ("1.٢", False),  # a digit, but none of ASCII
        ("Kopf_ä", False),
        ("ID_1.part", False),
        ("ID_1.PART", False),
        ("ID_1.tmp", False),
        ("ID_1.part.2", True),
        ("run_manifest.json", False),
        ("Run_Manifest.JSON", False),
        ("all_slice_saliency_scores.csv", False),
        ("ID_run_manifest.json", True),
    ],
)
def test_is_uid(text, expected):
    assert is_uid(text) is expected


def test_a_series_becomes_a_partition_key():
    assert is_uid("a...b") and not names_a_series("a...b")
    assert names_a_series("a..b") and names_a_series("ID_e22a5534e6")


@pytest.mark.parametrize(
    ("uid", "stem"),
    [
        ("1.2.3", "ID_1.2.3"),
        ("ID_0a1b2c3d4", "ID_0a1b2c3d4"),
        ("id_0a1b2c3d4", "ID_id_0a1b2c3d4"),
        ("x_ID_1", "ID_x_ID_1"),
    ],
)
def test_the_prefix_of_a_slice_is_not_doubled(uid, stem):
    assert slice_stem(uid) == stem


def test_own_names_are_those_beside_folders_of_series(finished_names):
    assert set(OWN_NAMES) == finished_names


@pytest.fixture
def finished_names(tmp_path):
    """The files that ``write_saliency_tables`` puts beside the folders of series."""
    from ich_resources.storage.layout import Layout
    from ich_resources.storage.outputs import write_saliency_tables

    layout = Layout(tmp_path)
    write_saliency_tables(layout, [])
    return {path.name for path in layout.panels.iterdir()}


@pytest.mark.parametrize(
    ("text", "dicom", "rooted"),
    [
        ("1.2.840.10008", True, True),
        ("1.2.0840.1", True, False),  # leading zeros
        ("1.2.3", True, False),
        ("3.2.840.10008", True, False),
        ("1.2.840." + "1" * 60, False, True),  # its length is judged elsewhere
        ("12", False, False),
        ("1..2.3.4", False, False),
        ("1.2.840.10008\n", False, False),
        ("ID_0a1b2c3d4", False, False),
        ("", False, False),
    ],
)
def test_forms_of_uids(text, dicom, rooted):
    assert (is_dicom_uid(text), is_rooted_uid(text)) == (dicom, rooted)


def test_safe_characters_say_nothing_of_length_and_ending():
    assert has_safe_characters("a" * 65 + ".part") and not is_uid("a" * 65 + ".part")
    assert not any(map(has_safe_characters, ("", ".a", "-a", "a/b", "a b", "a\n", "\u00e9")))
