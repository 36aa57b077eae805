"""Arrays and images below the run root."""

import cv2
import numpy as np
import pytest

from ich_resources.errors import StorageError
from ich_resources.storage.arrays import read_array, write_array, write_png


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_arrays_come_back_as_they_were(tmp_path, dtype):
    array = np.random.default_rng(0).integers(0, 255, (3, 4, 6)).astype(dtype)
    write_array(tmp_path / "a" / "array.npy", array)
    found = read_array(tmp_path / "a" / "array.npy", remedy="")
    assert found.dtype == dtype
    assert np.array_equal(found, array)


def test_a_mapped_array_stays_whole_while_its_file_is_replaced(tmp_path):
    path = tmp_path / "crops.npy"
    write_array(path, np.full((40, 512, 512), 7, np.uint8))
    mapped = read_array(path, remedy="-", mapped=True)
    write_array(path, np.full((2, 512, 512), 9, np.uint8))
    assert mapped.shape == (40, 512, 512)
    assert (mapped[[0, 39]] == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_damaged_arrays(tmp_path):
    path = tmp_path / "array.npy"
    write_array(path, np.zeros((3, 6), np.float32))
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:40], whole.replace(b"}", b"("), whole.replace(b"6", b"7")):
        path.write_bytes(damaged)
        with pytest.raises(StorageError, match="the array cannot be read"):
            read_array(path, remedy="run it again")


def test_arrays_hold_no_code(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_array(tmp_path / "array.npy", np.array([{}, None], dtype=object))
    np.save(tmp_path / "array.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    with pytest.raises(StorageError, match="cannot be read"):
        read_array(tmp_path / "array.npy", remedy="")


def test_png_is_lossless(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (37, 53), np.uint8)
    write_png(tmp_path / "png" / "slice.png", image)
    found = cv2.imread(str(tmp_path / "png" / "slice.png"), cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint8
    assert np.array_equal(found, image)
