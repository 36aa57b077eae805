import pytest

from ich_resources.dataset.resource import DatasetResource, FoldsConfig
from ich_resources.errors import DatasetError, IchError


def test_labels_come_from_the_field_or_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("LABELS", raising=False)
    with pytest.raises(IchError, match="LABELS is not set"):
        _ = DatasetResource().label_file
    monkeypatch.setenv("LABELS", str(tmp_path / "a.csv"))
    assert DatasetResource().label_file == tmp_path / "a.csv"
    assert DatasetResource(labels="/b.csv").label_file.as_posix() == "/b.csv"


def test_what_a_patient_is_known_by():
    assert DatasetResource().patient_source == "hash"
    assert DatasetResource(groups="/g.csv").patient_source == "file"
    assert DatasetResource(groups="/g.csv", patient_key="study").patient_source == "study"
    with pytest.raises(DatasetError, match=r"dataset\.groups is empty"):
        _ = DatasetResource(patient_key="file").patient_source


def test_processes():
    assert DatasetResource(processes=3).decoding_processes == 3
    assert 1 <= DatasetResource().decoding_processes <= 16


def test_lists_need_a_folder():
    resource = DatasetResource(folds=FoldsConfig(source="lists"))
    with pytest.raises(DatasetError, match=r"dataset\.folds\.lists is empty"):
        resource.fold_rows(None)
