import math

import numpy as np
import pytest

from ich_resources.dataset.labels import read_labels
from ich_resources.errors import DatasetError

SIX = "any,epidural,intraparenchymal,intraventricular,subarachnoid,subdural"
N = math.nan


def written(tmp_path, text, name="labels.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def values(labels):
    return [[None if math.isnan(v) else int(v) for v in row] for row in labels.values.tolist()]


@pytest.mark.parametrize(
    ("column", "level"),
    [("SOPInstanceUID", "slice"), ("SeriesInstanceUID", "series"), ("StudyInstanceUID", "study")],
)
def test_our_own_form_at_three_levels(tmp_path, column, level):
    labels = read_labels(
        written(
            tmp_path, f"{column},{SIX},patient,site\n1.2,1,0,0,0,0,1,Alice,A\n1.3,0,,,,,,Bob,\n"
        )
    )
    assert labels.level == level and labels.format == "ich"
    assert labels.ids == ("1.2", "1.3")
    assert values(labels) == [[1, 0, 0, 0, 0, 1], [0, None, None, None, None, None]]
    assert labels.patients == {"1.2": "Alice", "1.3": "Bob"}
    assert labels.subgroups == {"site": {"1.2": "A"}}


def test_an_empty_any_is_1_where_a_subtype_is_1_and_1_alone_stays(tmp_path):
    labels = read_labels(
        written(tmp_path, f"SOPInstanceUID,{SIX}\na,,1,0,0,0,0\nb,,0,0,0,0,0\nc,1,,,,,\nd,,,,,,\n")
    )
    assert values(labels) == [
        [1, 1, 0, 0, 0, 0],
        [None, 0, 0, 0, 0, 0],
        [1, None, None, None, None, None],
        [None] * 6,
    ]


def test_any_against_its_subtypes_is_found_not_mended(tmp_path):
    text = f"SOPInstanceUID,{SIX}\na,0,1,0,0,0,0\nb,1,0,0,0,0,0\nc,1,0,0,0,0,\n"
    labels = read_labels(written(tmp_path, text))
    assert labels.any_below_subtype() == ("a",)
    assert labels.any_without_subtype() == ("b",)


def test_classes_may_be_missing_and_written_in_capitals(tmp_path):
    labels = read_labels(written(tmp_path, "StudyInstanceUID,Any,Epidural\n1,1,0\n"))
    assert values(labels) == [[1, 0, None, None, None, None]]
    assert labels.subgroups == {}


def test_several_readers_give_the_majority_and_a_tie_is_left_out_and_listed(tmp_path):
    text = (
        "SeriesInstanceUID,reader,any,epidural\n"
        "1,A,1,1\n1,B,1,0\n1,C,0,\n"
        "2,A,0,0\n2,B,0,0\n2,C,0,0\n"
        "3,A,1,1\n3,B,,\n3,C,0,0\n"
    )
    labels = read_labels(written(tmp_path, text))
    assert [row[:2] for row in values(labels)] == [[1, None], [0, 0], [None, None]]
    assert labels.ties == (("1", "epidural"), ("3", "any"), ("3", "epidural"))
    # any: A-B agree on both of two (1, 0): 1. A-C on (1, 0), (0, 0), (1, 0): p_o 1/3, p_e 1/3: 0.
    # B-C on (1, 0), (0, 0): p_o 1/2, p_e 1/2: 0. Their mean is 1/3.
    assert labels.kappa["any"] == pytest.approx(1 / 3)
    assert math.isnan(labels.kappa["subdural"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,1,1\na,1,0\n", "two rows of a contradict each other"),
        ("a,1,2\n", "row 1 below the header: epidural is neither 0 nor 1 nor empty"),
        ("a,1,1\n,1,1\n", "row 2 below the header: SOPInstanceUID is empty"),
        ("", "no labels"),
        ("a,1,1,7\n", "more cells than the header"),
        ("a,1,1\nb,1,1,7\n", "not a CSV table"),
    ],
)
def test_a_wrong_row_is_an_error_that_names_it(tmp_path, rows, message):
    with pytest.raises(DatasetError, match=message):
        read_labels(written(tmp_path, "SOPInstanceUID,any,epidural\n" + rows))


def test_an_equal_row_is_left_out_and_counted(tmp_path):
    labels = read_labels(written(tmp_path, "SOPInstanceUID,any\na,1\na,1\n"))
    assert labels.ids == ("a",) and labels.duplicates == 1


def test_two_patients_of_one_image_are_an_error_that_does_not_name_them(tmp_path):
    text = "SeriesInstanceUID,any,patient,reader\n7,1,Alice,A\n7,1,Bob,B\n"
    with pytest.raises(DatasetError, match="7 has two patients") as error:
        read_labels(written(tmp_path, text))
    assert "Alice" not in str(error.value) and "Bob" not in str(error.value)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "SOPInstanceUID,x\n1,1\n"])
def test_an_unknown_header_is_an_error_that_names_the_forms(tmp_path, text):
    with pytest.raises(DatasetError, match="ID,Label"):
        read_labels(written(tmp_path, text))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(DatasetError, match="the file does not exist"):
        read_labels(tmp_path / "none.csv")


CQ500_HEADER = "name,Category," + ",".join(
    f"{r}:{c}"
    for r in ("R1", "R2", "R3")
    for c in ("ICH", "IPH", "IVH", "SDH", "EDH", "SAH", "Fracture")
)


def cq500(tmp_path):
    #                     R1 ICH IPH IVH SDH EDH SAH Fr  R2              R3
    rows = ["CQ500-CT-0,B1,1,1,0,0,0,0,0,1,0,0,1,0,0,0,1,0,0,0,0,0,0"]
    rows += ["CQ500-CT-1,B2,0,0,0,0,0,0,1,1,0,0,0,0,1,0,0,0,0,0,0,0,0"]
    return written(tmp_path, "\n".join([CQ500_HEADER, *rows, ""]), "reads.csv")


def test_cq500_takes_the_majority_of_three_with_any_of_its_own(tmp_path):
    studies = written(tmp_path, "name,StudyInstanceUID\nCQ500-CT-1,1.1\nCQ500-CT-0,1.0\n", "n.csv")
    labels = read_labels(cq500(tmp_path), studies)
    assert labels.ids == ("1.0", "1.1") and labels.level == "study" and labels.format == "cq500"
    # All three read a bleed, and no two of them the same kind.
    assert values(labels) == [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    # ICH: R1 (1, 0), R2 (1, 1), R3 (1, 0). R1-R3 1; R1-R2 and R2-R3: p_o 1/2, p_e 1/2: 0.
    assert labels.kappa["any"] == pytest.approx(1 / 3)
    assert labels.subgroups["Category"] == {"1.0": "B1", "1.1": "B2"}


def test_cq500_without_its_studies_says_what_to_give(tmp_path):
    with pytest.raises(DatasetError, match="columns name and StudyInstanceUID"):
        read_labels(cq500(tmp_path))
    studies = written(tmp_path, "name,StudyInstanceUID\nCQ500-CT-1,1.1\n", "n.csv")
    with pytest.raises(DatasetError, match="1 names of the labels have no study.*CQ500-CT-0"):
        read_labels(cq500(tmp_path), studies)


def test_physionet_any_is_not_no_hemorrhage(tmp_path):
    text = (
        "PatientNumber ,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,"
        "Subdural,No_Hemorrhage,Fracture_Yes_No\n"
        "49,1,0,0,0,1,0,0,1\n49,2,0,0,0,0,0,1,0\n50,1,1,1,1,0,1,0,0\n"
    )
    labels = read_labels(written(tmp_path, text))
    assert labels.ids == ("49_1", "49_2", "50_1") and labels.format == "physionet"
    assert values(labels) == [[1, 1, 0, 0, 0, 0], [0] * 6, [1, 0, 1, 1, 1, 1]]
    assert labels.patients == {"49_1": "49", "49_2": "49", "50_1": "50"}
    with pytest.raises(DatasetError, match="row 4 below the header: it contradicts"):
        read_labels(written(tmp_path, text + "49,1,1,0,0,1,0,0,1\n"))


def test_values_are_float32_in_class_order(tmp_path):
    labels = read_labels(written(tmp_path, "SOPInstanceUID,subdural,any\na,1,1\n"))
    assert labels.values.dtype == np.float32
    assert labels.values[0, 5] == 1 and labels.values[0, 0] == 1
