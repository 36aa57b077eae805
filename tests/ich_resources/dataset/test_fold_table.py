"""The list of folds."""

import pytest

from ich_resources.dataset.fold_table import folds_bytes, read_folds
from ich_resources.errors import DatasetError


def test_a_patient_of_two_folds_is_an_error(tmp_path):
    path = tmp_path / "folds.csv"
    path.write_bytes(folds_bytes([("p1", 0), ("p1", 1)]))
    with pytest.raises(DatasetError, match="a patient stands in two folds"):
        read_folds(path)
