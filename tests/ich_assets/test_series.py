"""processed_series: the images of a series are those of its slices, and nobody else's."""

from pathlib import Path

import dagster as dg
import pydicom
import pytest

from ich_assets.ledger import DICOM_SERIES
from ich_assets.partitions import SERIES
from ich_assets.series import processed_series
from ich_resources.demo.study import uid, write_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.steps import PROCESSED
from ich_resources.storage.ledger import write_scan
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
