"""No patient in anything that is written, Dagster's own database included."""

import pydicom
import pytest
from workplace import HOME_YAML

from ich_resources.demo.study import write_localizer, write_series

pytestmark = pytest.mark.slow

PLANTED = {
    "PatientName": "Zaphodius^Beeblebroxus",
    "PatientID": "PID-7351-QX",
    "PatientBirthDate": "19420611",
    "AccessionNumber": "ACC-99-8842",
}


def test_planted_identifiers_appear_nowhere(workplace):
    home = workplace.root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    workplace.environment["DAGSTER_HOME"] = str(home)
    paths = write_series(workplace.dicom / "a", name="head", slices=4, bleed=True, size=64)
    paths.append(write_localizer(workplace.dicom / "b"))
    for path in paths:
        dataset = pydicom.dcmread(path)
        for keyword, value in PLANTED.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    # A slice and a file that fail are the likeliest to be quoted.
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    (workplace.dicom / "cut.dcm").write_bytes(paths[0].read_bytes()[:900])
    done = workplace.batch()
    assert done.status == 1
    written = [p for p in workplace.root.rglob("*") if p.is_file()]
    written = [p for p in written if workplace.dicom not in p.parents]
    assert any(path.suffix == ".db" for path in written)
    for value in PLANTED.values():
        for word in value.split("^"):
            planted = word.encode()
            assert any(planted in path.read_bytes() for path in paths)
            assert word not in done.text
            assert [p for p in written if planted in p.read_bytes() or word in p.name] == []
