import numpy as np
import pytest

from ich_resources.dataset.fold_table import read_folds
from ich_resources.dataset.table import COLUMNS, read_slices, slices_bytes, write_dataset
from ich_resources.errors import DatasetError
from ich_resources.labels import Folds, LabelledSlices

N = np.nan


def some_slices(root):
    images = tuple(root / "dataset" / "png" / f"{name}.png" for name in "abc")
    for number, path in enumerate(images):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]))
    labels = [[1, 0, 0, 0, 0, 1], [0, N, N, N, N, N], [N] * 6]
    return LabelledSlices(
        slices=("a", "b", "c"),
        series=("s1", "s1", "s2"),
        studies=("t1", "t1", "t2"),
        patients=("p1", "p1", "p2"),
        indices=np.array([0, 1, 0]),
        positions=np.array([-2.5, 0.1, N]),
        labels=np.array(labels, np.float32),
        images=images,
        version="",
    )


def written(root):
    slices = some_slices(root)
    version = write_dataset(
        root / "dataset" / "slices.csv",
        root / "dataset" / "folds.csv",
        root,
        slices,
        Folds({"p1": 0, "p2": 4}),
    )
    return slices, version


def test_the_table_has_a_row_for_each_slice(tmp_path):
    lines = slices_bytes(some_slices(tmp_path), tmp_path).decode().splitlines()
    assert lines == [
        ",".join(COLUMNS),
        "a,s1,t1,p1,-2.5,0,2,1,0,0,0,0,1,labelled,dataset/png/a.png",
        "b,s1,t1,p1,0.1,1,2,0,,,,,,partly,dataset/png/b.png",
        "c,s2,t2,p2,,0,1,,,,,,,unlabelled,dataset/png/c.png",
    ]


def test_written_and_read_back(tmp_path):
    slices, version = written(tmp_path)
    found = read_slices(tmp_path / "dataset" / "slices.csv", tmp_path)
    assert (found.slices, found.series) == (slices.slices, slices.series)
    assert (found.studies, found.patients) == (slices.studies, slices.patients)
    assert found.images == slices.images and found.version == version
    assert np.array_equal(found.labels, slices.labels, equal_nan=True)
    assert np.array_equal(found.positions, slices.positions, equal_nan=True)
    assert found.labelled.tolist() == [True, True, False]
    folds = read_folds(tmp_path / "dataset" / "folds.csv")
    assert folds.of(found.patients).tolist() == [0, 0, 4]


def test_another_image_is_another_version(tmp_path):
    slices, version = written(tmp_path)
    slices.images[1].write_bytes(b"other")
    assert written(tmp_path)[1] == version  # the images are written anew
    slices.images[1].write_bytes(b"other")
    changed = write_dataset(
        tmp_path / "slices.csv", tmp_path / "folds.csv", tmp_path, slices, Folds({"p1": 0, "p2": 4})
    )
    assert changed != version
    assert read_slices(tmp_path / "slices.csv", tmp_path).version == changed


def test_a_patient_without_a_fold_is_not_written(tmp_path):
    with pytest.raises(KeyError):
        write_dataset(tmp_path / "s", tmp_path / "f", tmp_path, some_slices(tmp_path), Folds({}))
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dataset/png/a.png", "../a.png", "outside of TRAIN_ROOT"),
        ("dataset/png/a.png", "/etc/passwd", "outside of TRAIN_ROOT"),
        ("p1,-2.5,0,", "p1,-2.5,1,", "numbered 0, 1, 2"),
        ("p1,-2.5,0,", "p1,x,0,", "damaged"),
        ("b,s1", "a,s1", "stands twice"),
        ("state", "status", "columns are others"),
        ("-2.5,0,2,1,", "-2.5,0,2,7,", "row 1 below the header: any is neither"),
    ],
)
def test_a_damaged_table_is_an_error(tmp_path, old, new, message):
    written(tmp_path)
    path = tmp_path / "dataset" / "slices.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DatasetError, match=message):
        read_slices(path, tmp_path)


def test_the_slices_of_a_series_must_stand_together(tmp_path):
    slices = some_slices(tmp_path)
    with pytest.raises(ValueError, match="stand together"):
        LabelledSlices(
            slices.slices,
            ("s1", "s2", "s1"),
            slices.studies,
            slices.patients,
            np.array([0, 0, 1]),
            slices.positions,
            slices.labels,
            slices.images,
            "",
        )
