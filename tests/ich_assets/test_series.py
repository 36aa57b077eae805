"""processed_series: the images of a series are those of its slices, and nobody else's."""

import json
from pathlib import Path

import dagster as dg
import numpy as np
import pydicom
import pytest
from pixel_values import rewrite

from ich_assets.ledger import DICOM_SERIES
from ich_assets.partitions import SERIES
from ich_assets.series import processed_series
from ich_resources.demo.study import uid, write_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.steps import PROCESSED
from ich_resources.storage.ledger import find_series, write_scan
from ich_resources.storage.outcome import judge_outcome
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

ONE, TWO = uid("demo", "one"), "1.2.3"


class Place:
    """A folder with one series of six slices, and a run root."""

    def __init__(self, root: Path) -> None:
        self.slices = write_series(root / "in", name="one", slices=6, bleed=False, size=64)
        self.dicom = DicomResource(input_dir=str(root / "in"))
        self.storage = StorageResource(run_root=str(root / "out"))

    def scan(self) -> None:
        """Write what lies in the folder into the ledger."""
        write_scan(self.storage.layout, self.dicom.scan())

    def process(self, series_uid: str, *, fails: bool = False) -> None:
        """Run the step of one series."""
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(str(SERIES.name), [series_uid])
            result = dg.materialize(
                [DICOM_SERIES, processed_series],
                selection=[processed_series],
                partition_key=series_uid,
                instance=instance,
                raise_on_error=not fails,
                resources={
                    "dicom": self.dicom,
                    "storage": self.storage,
                    "networks": NetworksResource(),
                    "panels": PanelsResource(),
                },
            )
        assert result.success is not fails

    def record(self) -> dict:
        """The record of the step, as it lies on disk."""
        path = self.storage.layout.record(series_subject(ONE), PROCESSED)
        return json.loads(path.read_text())

    def images(self) -> set[str]:
        """The slice images of the run root, by SOPInstanceUID."""
        folder = self.storage.layout.slice_png("x").parent
        return {path.stem.removeprefix("ID_") for path in folder.iterdir()}

    def holds(self, series_uid: str) -> bool:
        """Whether the step has a result that holds."""
        return self.storage.records.find(series_subject(series_uid), PROCESSED) is not None


@pytest.fixture
def place(tmp_path) -> Place:
    place = Place(tmp_path)
    place.scan()
    return place


def sop(path: Path) -> str:
    return str(pydicom.dcmread(path).SOPInstanceUID)


@pytest.mark.parametrize("order", [(TWO, ONE), (ONE, TWO)])
def test_images_of_slices_that_are_another_series_now_stay(place, order):
    place.process(ONE)
    every = place.images()
    assert every == {sop(path) for path in place.slices}
    for path in place.slices[3:]:
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = TWO
        dataset.save_as(path)
    place.scan()
    for series_uid in order:
        place.process(series_uid)
    assert place.images() == every
    assert place.holds(ONE) and place.holds(TWO)


def test_the_image_of_a_slice_that_was_taken_away_goes(place):
    place.process(ONE)
    lost = sop(place.slices[5])
    place.slices[5].unlink()
    place.scan()
    place.process(ONE)
    assert place.images() == {sop(path) for path in place.slices[:5]}
    assert lost not in place.images()


def test_so_it_does_where_the_old_record_does_not_hold(place):
    place.process(ONE)
    place.storage.layout.slice_png(sop(place.slices[0])).write_bytes(b"half")
    assert not place.holds(ONE)
    place.slices[5].unlink()
    place.scan()
    place.process(ONE)
    assert place.images() == {sop(path) for path in place.slices[:5]}


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False])
def test_so_it_does_where_the_run_before_was_cut_short(place, before):
    if before:
        place.process(ONE)
    # It fails after its images are written.
    in_the_way = place.storage.layout.array(series_subject(ONE), PROCESSED)
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir(parents=True)
    place.process(ONE, fails=True)
    assert len(place.images()) == 6
    in_the_way.rmdir()
    place.slices[5].unlink()
    place.scan()
    place.process(ONE)
    assert place.images() == {sop(path) for path in place.slices[:5]}
    assert place.holds(ONE)
    assert not place.storage.layout.begun(series_subject(ONE), PROCESSED).exists()


def test_a_series_that_is_not_hu_fails_with_every_slice(place, tmp_path):
    place.process(ONE)
    rewrite(tmp_path / "in", lambda hu: hu - 1024)
    place.scan()
    place.process(ONE, fails=True)
    assert not place.holds(ONE)
    assert place.images() == set()
    failure = place.storage.records.failures.find(series_subject(ONE))
    assert failure.code == "NOT_HU"
    assert failure.message.startswith("none of the 6 slices can be used: its series has no HU: ")
    outcome = judge_outcome(find_series(place.storage.layout, ONE), {}, failure)
    assert (outcome.state, outcome.scored) == ("failed", 0)
    assert {(item.state, item.code) for item in outcome.not_scored} == {("failed", "NOT_HU")}
    assert len(outcome.not_scored) == 6


def test_a_constant_slice_fails_alone_and_has_no_image(place, tmp_path):
    rewrite(tmp_path / "in", lambda hu: np.full_like(hu, 40), names=("IM0003",))
    place.scan()
    place.process(ONE)
    content = place.record()["content"]
    lost = sop(place.slices[2])
    assert [(item["sop_instance_uid"], item["code"]) for item in content["failed"]] == [
        (lost, "CONSTANT")
    ]
    assert place.images() == {sop(path) for path in place.slices} - {lost}
    assert len(np.load(place.storage.layout.array(series_subject(ONE), PROCESSED))) == 5


def test_an_empty_end_of_a_stripped_head_keeps_its_image(place, tmp_path):
    rewrite(tmp_path / "in", lambda hu: np.where((hu > -20) & (hu < 90), hu, 0))
    rewrite(tmp_path / "in", lambda hu: np.zeros_like(hu), names=("IM0001",))
    place.scan()
    place.process(ONE)
    content = place.record()["content"]
    assert content["failed"] == []
    assert content["remarks"] == [
        {"code": "EMPTY_SLICES", "reason": "slices that are all background: 1"}
    ]
    assert place.images() == {sop(path) for path in place.slices}


def test_remarks_of_the_pixels_stand_in_the_table(place, tmp_path):
    rewrite(tmp_path / "in", slope=10)
    place.scan()
    place.process(ONE)
    record = place.storage.records.find(series_subject(ONE), PROCESSED)
    outcome = judge_outcome(find_series(place.storage.layout, ONE), {PROCESSED: record}, None)
    assert outcome.remarks == ("FEW_GRAY_LEVELS: 8 gray levels inside the window, fewer than 20",)


def _of_another_code_version(place) -> str:
    path = place.storage.layout.record(series_subject(ONE), PROCESSED)
    record = place.record() | {"recipe": "r", "data_version": "earlier"}
    del record["digests"], record["checksum"]  # as before records had them
    path.write_text(json.dumps(record))
    return "earlier"


def test_equal_images_keep_their_data_version(place):
    place.process(ONE)
    earlier = _of_another_code_version(place)
    place.process(ONE)
    assert place.record()["data_version"] == earlier
    assert place.record()["recipe"] != "r"


def test_other_images_get_another_data_version(place):
    place.process(ONE)
    earlier = _of_another_code_version(place)
    place.dicom = DicomResource(input_dir=place.dicom.input_dir, window="60/60")
    place.process(ONE)
    assert place.record()["data_version"] != earlier
    assert {tuple(s["window"]) for s in place.record()["content"]["slices"]} == {(60, 60)}


def test_a_lost_slice_gives_another_data_version(place):
    place.process(ONE)
    earlier = _of_another_code_version(place)
    place.slices[5].unlink()
    place.scan()
    place.process(ONE)
    assert place.record()["data_version"] != earlier


def test_the_same_window_said_otherwise_keeps_the_data_version(place):
    place.process(ONE)
    before = place.record()
    place.dicom = DicomResource(input_dir=place.dicom.input_dir, window="40/80")
    place.process(ONE)
    assert place.record()["data_version"] == before["data_version"]
    assert place.record()["recipe"] != before["recipe"]


@pytest.mark.parametrize(
    ("change", "stored", "option"),
    [
        (lambda hu: np.rint(hu) % 4096, {"bits": 12}, "mend_12bit"),
        (lambda hu: hu, {}, "mend_signed"),
    ],
)
def test_a_known_defect_fails_and_its_switch_mends_it(place, tmp_path, change, stored, option):
    place.process(ONE)
    array = place.storage.layout.array(series_subject(ONE), PROCESSED)
    good = np.load(array)
    rewrite(tmp_path / "in", change, signed=False, intercept=0, **stored)
    place.scan()
    place.process(ONE, fails=True)
    failure = place.storage.records.failures.find(series_subject(ONE))
    assert f"dicom.{option}" in failure.message
    place.dicom = DicomResource(input_dir=place.dicom.input_dir, **{option: True})
    place.process(ONE)
    assert np.array_equal(np.load(array), good)
    assert [r["code"] for r in place.record()["content"]["remarks"]] == ["MENDED"]
