"""A record names files of its step alone, and no link leads out of the root."""

import json

import pytest
from contents import ensemble_content
from record_cases import SERIES, STEP, UID, change

from ich_resources.errors import StorageError
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.layout import Layout
from ich_resources.storage.record import Record
from ich_resources.storage.records import Records


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "../../processed/png/ID_9.png",
        "processed/png/../../../x.png",
        "processed/png/./ID_9.png",
        "processed/png/deeper/x.png",
        "processed/csv/summary.json",
        "state/series/1.2.3/found.json",
        "state/series/1.2/processed_series.npy",
        "/etc/passwd",
        "",
        "x\0y",
    ],
)
def test_a_foreign_name_makes_a_record_invalid_and_is_never_removed(layout, records, record, name):
    path = layout.record(SERIES, STEP)
    value = json.loads(path.read_text())
    change(path, files=[*value["files"], name], sizes=[*value["sizes"], 5])
    assert records.find(SERIES, STEP) is None
    assert records.begin(SERIES, STEP) == set(record.files)


def test_a_record_that_does_not_list_what_others_read_is_not_valid(layout, records, record):
    path = layout.record(SERIES, STEP)
    value = json.loads(path.read_text())
    for which in (0, 1):
        names, sizes = list(value["files"]), list(value["sizes"])
        del names[which], sizes[which]
        change(path, files=names, sizes=sizes)
        assert records.find(SERIES, STEP) is None
    change(path, files=value["files"], sizes=value["sizes"])
    assert records.find(SERIES, STEP) == record


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_behind_a_link_that_leads_outside_is_no_result(
    layout, records, record, tmp_path_factory, which
):
    path = layout.run_root / record.files[which]
    inside = layout.run_root / "processed" / "kept"
    path.rename(inside)
    path.symlink_to(inside)
    assert records.find(SERIES, STEP) == record
    outside = tmp_path_factory.mktemp("outside") / "x"
    inside.rename(outside)
    path.unlink()
    path.symlink_to(outside)
    assert records.find(SERIES, STEP) is None
    assert outside.read_bytes() == b"whole"


@pytest.mark.parametrize("folder", ["processed/png", f"state/series/{UID}"])
def test_a_folder_that_leads_outside_is_neither_read_nor_written(
    layout, records, record, tmp_path_factory, folder
):
    outside = tmp_path_factory.mktemp("outside") / "moved"
    (layout.run_root / folder).rename(outside)
    (layout.run_root / folder).symlink_to(outside)
    before = {p.name: p.read_bytes() for p in outside.iterdir()}
    assert records.find(SERIES, STEP) is None
    with pytest.raises(StorageError, match="leads out of RUN_ROOT"):
        records.begin(SERIES, STEP)
    assert {p.name: p.read_bytes() for p in outside.iterdir()} == before


def test_the_run_root_and_its_first_folders_may_be_links(tmp_path):
    (tmp_path / "disk" / "state").mkdir(parents=True)
    (tmp_path / "disk" / "processed").mkdir()
    (tmp_path / "root").mkdir()
    for name in ("state", "processed"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "disk" / name)
    (tmp_path / "link").symlink_to(tmp_path / "root")
    layout = Layout(tmp_path / "link")
    records, path = Records(layout), layout.array(SERIES, ENSEMBLE)
    records.begin(SERIES, ENSEMBLE)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"whole")
    mine = Record("r", "v", (records.relative(path),), ensemble_content())
    with records.working_on(SERIES, ENSEMBLE):
        records.finish(SERIES, ENSEMBLE, mine)
    assert records.find(SERIES, ENSEMBLE) == mine
