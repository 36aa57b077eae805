"""Every file where it lies, through the project's own strict loader."""

import os
import shutil

import pytest
from trained_files import save, write_trained

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE
from ich_resources.backbones.table import BACKBONES, FOLDS, checkpoint_name
from ich_resources.weights.verify import verify

ALL = tuple(BACKBONES.values())


@pytest.fixture
def fifteen(tmp_path, stand_in_models):
    """A model folder with all folds; those beside the first are not pinned."""
    for backbone in ALL:
        (tmp_path / backbone.folder).mkdir(parents=True)
        first = stand_in_models / backbone.folder / checkpoint_name(0)
        for fold in range(FOLDS):
            os.link(first, tmp_path / backbone.folder / checkpoint_name(fold))
    shutil.copy(stand_in_models / DIGESTS_FILE, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_fifteen_good_files(fifteen):
    reports = list(verify(fifteen, ALL, range(FOLDS)))
    assert len(reports) == 15
    assert {report.state for report in reports} == {"good"}
    assert [report.known for report in reports] == [True, False, False, False, False] * 3
    assert all(len(report.digest) == 64 for report in reports)
    assert {report.remark for report in reports} == {"untrained stand-in"}
    assert reports[7].path == "2DNet/DenseNet169_change_avg_256/model_epoch_best_2.pth"


def test_each_kind_of_harm_is_told_apart(fifteen):
    def replace(number: int, content: bytes) -> None:
        path = fifteen / ALL[1].folder / checkpoint_name(number)
        path.unlink()  # it is a hard link
        path.write_bytes(content)

    good = (fifteen / ALL[1].folder / checkpoint_name(0)).read_bytes()
    replace(0, good + b"\0")  # would load, and is not what is pinned
    replace(1, good[:-1000])
    replace(2, (fifteen / ALL[0].folder / checkpoint_name(0)).read_bytes())
    replace(3, b"<html>Sign in</html>")
    (fifteen / ALL[1].folder / checkpoint_name(4)).unlink()
    reports = list(verify(fifteen, [ALL[1]], range(FOLDS)))
    assert [report.state for report in reports] == ["broken"] * 4 + ["missing"]
    assert DIGESTS_FILE in reports[0].remark
    assert "cannot be read" in reports[1].remark or "damaged" in reports[1].remark
    assert f"does not fit {ALL[1].name}" in reports[2].remark
    assert "no such file" in reports[4].remark
    assert [bool(report.digest) for report in reports] == [True] * 4 + [False]


def test_weights_of_phantoms_and_of_a_newer_version_are_told_apart(tmp_path, stand_in_models):
    write_trained(tmp_path, stand_in_models)
    path = tmp_path / ALL[1].folder / checkpoint_name(0)
    (report,) = verify(tmp_path, [ALL[1]], [0])
    assert (report.state, report.remark) == ("good", "trained on phantoms")
    save(path, {}, {"format": 2})
    (report,) = verify(tmp_path, [ALL[1]], [0])
    assert report.state == "broken" and "a newer version of ich wrote" in report.remark


def test_an_empty_folder(tmp_path):
    reports = list(verify(tmp_path / "nowhere", ALL, range(FOLDS)))
    assert [report.state for report in reports] == ["missing"] * 15
