"""Results of an earlier version of the slices never stand beside current ones."""

import dagster as dg
import pydicom
import pytest

from ich_assets.definitions import defs
from ich_resources.errors import IchError
from ich_resources.steps import ENSEMBLE, PROCESSED, SALIENCY
from ich_resources.storage.layout import Layout
from ich_resources.storage.records import Records
from ich_resources.subjects import series_subject

pytestmark = pytest.mark.slow


def materialise(place, uid: str, *steps: str) -> dg.ExecuteInProcessResult:
    """Materialise some steps of a series, as the UI does."""
    resources = {
        "dicom": {"input_dir": str(place.dicom)},
        "networks": {"model_dir": str(place.models), "max_folds_per_backbone": 1},
        "storage": {"run_root": str(place.results)},
        "saliency": {"image_size_override": 64, "method": "gradcam"},
    }
    config = {"resources": {name: {"config": value} for name, value in resources.items()}}
    with dg.DagsterInstance.ephemeral() as instance:
        if not steps:
            job = defs.resolve_job_def("ich_scan")
            return job.execute_in_process(instance=instance, run_config=config)
        instance.add_dynamic_partitions("series", [uid])
        return defs.resolve_job_def("ich_series").execute_in_process(
            instance=instance,
            partition_key=uid,
            asset_selection=[dg.AssetKey(step) for step in steps],
            run_config=config,
            raise_on_error=False,
        )


def swap_two_slices(place, uid: str) -> None:
    """Let two slices of a series change places."""
    files = [path for path in place.dicom.rglob("*") if path.is_file()]
    slices = [(path, pydicom.dcmread(path)) for path in files if pydicom.misc.is_dicom(path)]
    (a, first), (b, second) = [x for x in slices if x[1].SeriesInstanceUID == uid][:2]
    position = first.ImagePositionPatient
    first.ImagePositionPatient = second.ImagePositionPatient
    second.ImagePositionPatient = position
    first.save_as(a)
    second.save_as(b)


def test_predictions_of_slices_in_another_order_are_not_taken(demo_copy, finished_demo):
    uid = finished_demo.study.bleed_series
    swap_two_slices(demo_copy, uid)
    assert materialise(demo_copy, uid).success
    assert materialise(demo_copy, uid, PROCESSED).success
    for step in (ENSEMBLE, SALIENCY):
        result = materialise(demo_copy, uid, step)
        assert not result.success
        (failure,) = [e for e in result.all_events if e.is_step_failure]
        assert "from another version of the slices" in failure.step_failure_data.error.to_string()
    again = demo_copy.batch()
    assert again.status == 0, again.text


def test_a_note_of_an_earlier_run_does_not_outlive_the_next(demo_copy, finished_demo):
    uid = finished_demo.study.bleed_series
    records = Records(Layout(demo_copy.results))
    records.failures.write(series_subject(uid), "run", IchError("run 1 was cancelled"))
    records.begin(series_subject(uid), SALIENCY)
    again = demo_copy.batch()
    assert again.status == 0, again.text
    assert records.failures.find(series_subject(uid)) is None
