import numpy as np
import pytest

from ich_resources.dataset.kaggle import kaggle_bytes, read_kaggle, read_rows, rows_bytes
from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import SliceLabels

DUPLICATES = ("ID_489ae4179", "ID_854fba667", "ID_921490062", "ID_a64d5deed")


def rows_of(name, values):
    # Kaggle's own order of the classes in an image: any comes last.
    return [f"{name}_{c},{values[CLASSES.index(c)]}" for c in (*CLASSES[1:], "any")]


def written(tmp_path, rows):
    path = tmp_path / "train.csv"
    path.write_text("\n".join(["ID,Label", *rows, ""]))
    return path


def test_the_four_images_that_stand_twice_are_dropped_and_counted(tmp_path):
    rows = rows_of("ID_000000001", [1, 0, 0, 0, 0, 1])
    for name in DUPLICATES:
        rows += rows_of(name, [0] * 6)
    for name in DUPLICATES:
        rows += rows_of(name, [0] * 6)
    labels = read_kaggle(written(tmp_path, rows))
    assert labels.ids == ("ID_000000001", *DUPLICATES)
    assert labels.duplicates == 24
    assert labels.values[0].tolist() == [1, 0, 0, 0, 0, 1]
    assert labels.level == "slice" and labels.format == "kaggle"


def test_a_contradicting_row_is_an_error_that_names_the_id(tmp_path):
    rows = [*rows_of("ID_489ae4179", [0] * 6), "ID_489ae4179_epidural,1"]
    with pytest.raises(DatasetError, match="ID_489ae4179_epidural contradict") as error:
        read_kaggle(written(tmp_path, rows))
    assert "remove the wrong row" in str(error.value)


def test_a_file_that_ends_early_is_an_error_that_names_the_image(tmp_path):
    rows = rows_of("ID_000000001", [0] * 6) + rows_of("ID_000000002", [0] * 6)[:4]
    with pytest.raises(DatasetError, match="1 images have fewer than six rows.*ID_000000002"):
        read_kaggle(written(tmp_path, rows))
    cut = written(tmp_path, rows_of("ID_000000001", [0] * 6))
    cut.write_bytes(cut.read_bytes()[:-3])  # within the last row
    with pytest.raises(DatasetError, match="row 6 below the header: Label is neither 0 nor 1"):
        read_kaggle(cut)


@pytest.mark.parametrize("bad", ["ID_1_bleed,0", "any,0", "_any,0"])
def test_an_id_without_a_class_is_an_error_with_its_row(tmp_path, bad):
    with pytest.raises(DatasetError, match="row 7 below the header"):
        read_kaggle(written(tmp_path, [*rows_of("ID_2", [0] * 6), bad]))


def test_written_and_read_back_and_written_again_gives_equal_bytes(tmp_path):
    values = np.array([[1, 0, 0, 1, 0, 0], [0] * 6, [1, 1, 0, 0, 0, 0]], np.float32)
    content = kaggle_bytes(SliceLabels(("ID_b", "ID_a", "ID_a_b"), values))
    assert content.startswith(b"ID,Label\nID_b_any,1\nID_b_epidural,0\n")
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    labels = read_kaggle(path)
    assert labels.ids == ("ID_b", "ID_a", "ID_a_b")
    assert np.array_equal(labels.values, values)
    assert kaggle_bytes(SliceLabels(labels.ids, labels.values)) == content


def test_a_class_that_was_not_read_has_no_form():
    with pytest.raises(ValueError, match="no room"):
        kaggle_bytes(SliceLabels(("a",), np.full((1, 6), np.nan, np.float32)))


def test_a_submission_is_grouped_by_class_and_read_in_its_order(tmp_path):
    texts = [["0.5", "0.1", "0.2", "0.3", "0.4", "0.6"], ["1", "2", "3", "4", "5", "6"]]
    content = rows_bytes(("ID_2", "ID_1"), texts, "class").decode().splitlines()
    assert content[1:5] == ["ID_2_any,0.5", "ID_1_any,1", "ID_2_epidural,0.1", "ID_1_epidural,2"]
    path = tmp_path / "sample.csv"
    path.write_text("\n".join(content) + "\n")
    found = read_rows(path)
    assert found.slices == ("ID_2", "ID_1")
    assert found.rows[:4].tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert found.labels[:2] == ("0.5", "1")
