"""What a result is worth is what the least of its networks is worth."""

import pytest

from ich_resources.worth import BANNERS, ORDER, WARNINGS, least


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["patients", "phantoms"], "phantoms"),
        (["phantoms", "nothing", "patients"], "nothing"),
        (["patients", "patients"], "patients"),
        ([], "patients"),
    ],
)
def test_the_least_counts(found, expected):
    assert least(found) == expected


def test_only_patients_need_no_warning():
    for said in (BANNERS, WARNINGS):
        assert [bool(said[worth]) for worth in ORDER] == [True, True, False]
        assert said["phantoms"] == "trained on phantoms: the numbers mean nothing for people"
