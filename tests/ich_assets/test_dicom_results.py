"""dicom_results through the real command line: where patients are named, and when it fails.

One batch on a phantom with planted names, one on the same files after their results were taken
away, by a shard. The second one runs no network.
"""

import csv
import json
import shutil
import stat

import pydicom
import pytest
from research import write_research
from workplace import HOME_YAML, Workplace

from ich_resources.demo.study import uid, write_series
from ich_resources.steps import DICOM_RESULTS

pytestmark = pytest.mark.slow

PLANTED = {
    "PatientName": "Zaphodius^Beeblebroxus",
    "PatientID": "PID-7351-QX",
    "PatientBirthDate": "19420611",
    "AccessionNumber": "ACC-99-8842-7731-0042",  # longer than it may be
    "PatientSex": "Vogonish",  # not a value of it: the likeliest to be quoted
}
SERIES = uid("demo", "head")


def _config(place: Workplace, more: str = "") -> str:
    keys = place.root / "safe" / "keys.csv"
    return (
        "resources:\n"
        "  networks: {config: {max_folds_per_backbone: 1}}\n"
        "  saliency: {config: {image_size_override: 64, method: gradcam}}\n"
        f'  results: {{config: {{dicom: "on", parametric_map: "on", key_file: {keys}}}}}\n{more}'
    )


def _objects(place: Workplace) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((place.output / "dicom" / SERIES).iterdir())}


@pytest.fixture(scope="module")
def done(tmp_path_factory, stand_in_models) -> Workplace:
    """A batch over a phantom with planted names, and over a series of research data."""
    place = Workplace(tmp_path_factory.mktemp("objects"), stand_in_models)
    home = place.root / "home"
    home.mkdir()
    (place.root / "safe").mkdir()
    (home / "dagster.yaml").write_text(HOME_YAML)
    place.environment["DAGSTER_HOME"] = str(home)
    for path in write_series(place.dicom / "a", name="head", slices=3, bleed=True, size=64):
        dataset = pydicom.dcmread(path)
        for keyword, value in PLANTED.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    scratch = tmp_path_factory.mktemp("scratch")
    write_research(place.dicom / "b", ("ID_0", "ID_1"), ["ID_2", "ID_3", "ID_4"], scratch)
    finished = place.batch(_config(place))
    assert finished.status == 0, finished.text
    (place.root / "said.txt").write_text(finished.text)
    return place


def test_patients_are_named_below_output_dicom_and_in_the_key_file_alone(done):
    keys = done.root / "safe" / "keys.csv"
    written = [p for p in done.root.rglob("*") if p.is_file() and done.dicom not in p.parents]
    naming = [p for p in written if done.output / "dicom" in p.parents]
    assert len(naming) == 7 and any(path.suffix == ".db" for path in written)
    words = [word for value in PLANTED.values() for word in value.split("^")]
    for word in words:
        assert [p for p in written if word in str(p.relative_to(done.root))] == []
        found = {p for p in written if word.encode() in p.read_bytes()} - {keys}
        assert found <= set(naming)
        assert found == (set() if word == "Vogonish" else set(naming))
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    with keys.open(newline="") as file:
        rows = {row["StudyInstanceUID"]: row for row in csv.DictReader(file)}
    assert set(rows) == {uid("demo"), "ID_0"}
    assert rows[uid("demo")] | {"StudyInstanceUID": ""} == {
        "StudyInstanceUID": "",
        "AccessionNumber": PLANTED["AccessionNumber"],
        "PatientID": PLANTED["PatientID"],
        "StudyDate": "20260101",
        "StudyTime": "120000",
    }


def test_the_record_names_every_object_and_research_data_get_a_sentence(done):
    state = done.results / "state" / "series"
    record = json.loads((state / SERIES / f"{DICOM_RESULTS}.json").read_text())
    assert {name.rpartition("/")[2] for name in record["files"]} == set(_objects(done))
    assert all((done.results / name).is_file() for name in record["files"])
    research = json.loads((state / "ID_1" / f"{DICOM_RESULTS}.json").read_text())
    assert research["files"] == []
    ledger = done.ledger()
    assert "NO_OBJECTS: its files have an identifier that is not a UID" in ledger["remarks"]["ID_1"]
    assert "NO_OBJECTS" not in str(ledger["remarks"][SERIES])
    assert list(ledger["state"]) == ["done", "done"]
    again = done.batch(_config(done))
    assert "Series with nothing to do, unchanged: 2" in again.text, again.text


def test_a_shard_gives_the_same_bytes_and_a_changed_source_fails_alone(done, tmp_path):
    place = Workplace(tmp_path, done.models)
    (place.root / "safe").mkdir()
    shutil.copytree(done.dicom, place.dicom)
    shutil.copytree(done.results, place.results)
    shutil.rmtree(place.output / "dicom")
    for record in place.results.glob(f"state/series/*/{DICOM_RESULTS}.json"):
        record.unlink()
    prepared = place.execute("ich_prepare", _config(place))
    assert prepared.status == 0, prepared.text
    source = sorted((place.dicom / "a").rglob("*"))[-1]
    whole = source.read_bytes()
    source.write_bytes(whole[:-2])
    failed = place.execute("ich_shard", _config(place))
    assert failed.status == 1
    assert source.name in failed.text and "has changed" in failed.text
    assert "Loading networks" not in failed.text
    assert not (place.output / "dicom" / SERIES).exists()
    collected = place.execute("ich_collect", _config(place))
    assert collected.status == 1 and f"series {SERIES}, DICOM objects: " in collected.text
    assert dict(place.ledger()["state"]) == {SERIES: "done", "ID_1": "done"}
    assert source.name in place.ledger()["remarks"][SERIES]
    assert (place.output / "series" / f"{SERIES}.html").is_file()
    source.write_bytes(whole)
    mended = place.execute("ich_shard", _config(place))
    assert mended.status == 0, mended.text
    assert _objects(place) == _objects(done)

    other = place.root / "other.csv"
    alone = (
        _config(place).replace('dicom: "on"', 'dicom: "off"').replace("safe/keys.csv", other.name)
    )
    keyed = place.execute("ich_shard", alone)
    assert keyed.status == 0, keyed.text
    assert len(other.read_text().splitlines()) == 3
    assert _objects(place) == _objects(done)  # they stay
