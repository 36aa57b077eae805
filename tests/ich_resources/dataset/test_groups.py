import pytest

from ich_resources.dataset.groups import (
    each_study,
    patients_from_file,
    patients_from_headers,
    read_groups,
)
from ich_resources.digests import patient_key
from ich_resources.errors import DatasetError

KEY = b"secret"


def written(tmp_path, text):
    path = tmp_path / "groups.csv"
    path.write_text(text)
    return path


def test_the_file_gives_keys_and_no_names(tmp_path):
    groups = read_groups(written(tmp_path, "StudyInstanceUID,patient\n1,Alice\n2,Alice\n3,Bob\n"))
    found = patients_from_file(["1", "2", "3", "4"], groups, KEY)
    assert found.key_of["1"] == found.key_of["2"] != found.key_of["3"]
    assert found.by_study == ("4",) and len(set(found.key_of.values())) == 3
    assert all(len(key) == 32 and int(key, 16) >= 0 for key in found.key_of.values())


def test_a_key_depends_on_the_secret():
    assert patient_key(b"a", "Alice") != patient_key(b"b", "Alice")
    assert patient_key(b"a", "Alice") == patient_key(b"a", "Alice")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("StudyInstanceUID,patient\n1,Alice\n1,Bob\n", "study 1 has two patients"),
        ("StudyInstanceUID,patient\n1,\n", "row 1 below the header: patient is empty"),
        ("study,patient\n1,Alice\n", "columns are others.*StudyInstanceUID and patient"),
    ],
)
def test_a_wrong_file_is_an_error_without_a_name(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message) as error:
        read_groups(written(tmp_path, text))
    assert "Alice" not in str(error.value)


def test_headers_group_studies_and_one_without_an_identifier_stands_alone():
    series = [("1", "a"), ("1", "b"), ("2", "c"), ("3", "d")]
    found = patients_from_headers(series, {"a": "x", "b": "", "c": "x", "d": ""}, KEY)
    assert found.key_of["1"] == found.key_of["2"] == "x"
    assert found.by_study == ("3",) and found.key_of["3"] == patient_key(KEY, "study 3")


def test_a_study_of_two_patients_is_an_error():
    with pytest.raises(DatasetError, match="series of study 1 have different PatientIDs.*groups"):
        patients_from_headers([("1", "a"), ("1", "b")], {"a": "x", "b": "y"}, KEY)


def test_each_study_by_itself():
    found = each_study(["2", "1", "2"], KEY)
    assert found.by_study == ("1", "2") and len(set(found.key_of.values())) == 2
