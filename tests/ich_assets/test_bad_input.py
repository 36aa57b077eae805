"""Bad input, and what it gets, through the real command line."""

import hashlib
import json
import subprocess
from pathlib import Path

import pandas as pd
import pydicom
import pytest
from pixel_values import rewrite
from workplace import CONFIG

from ich_resources.demo.study import Acquisition, write_dose_report, write_localizer, write_series

pytestmark = pytest.mark.slow


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _two_series(folder: Path) -> tuple[str, str]:
    uids = []
    for number, name in enumerate(("good", "bad"), 1):
        paths = write_series(
            folder / name,
            name=name,
            slices=3,
            bleed=True,
            size=128,
            acquisition=Acquisition(series_number=number),
        )
        uids.append(str(pydicom.dcmread(paths[0]).SeriesInstanceUID))
    return uids[0], uids[1]


def test_a_bad_series_fails_alone(workplace):
    good, bad = _two_series(workplace.dicom)
    for path in (workplace.dicom / "bad").iterdir():
        path.write_bytes(path.read_bytes()[:-5000])
    write_localizer(workplace.dicom / "localizer")
    write_dose_report(workplace.dicom / "dose")
    inputs = _digests(workplace.dicom)
    done = workplace.batch()
    assert done.status == 1
    ledger = workplace.ledger()
    assert ledger.loc[good, "state"] == "done"
    assert ledger.loc[bad, ["state", "found", "scored", "failed"]].to_list() == ["failed", 3, 0, 3]
    assert sorted(ledger["state"]) == ["done", "failed", "refused", "refused"]
    assert "truncated" in done.text
    assert bad in done.text
    assert "Traceback" not in done.text
    assert len(list((workplace.output / "saliency_panels" / good).glob("*.png"))) == 3
    report = json.loads((workplace.output / "run_report.json").read_text())
    assert report["slices"] == {"found": 8, "scored": 3, "refused": 2, "failed": 3, "waiting": 0}
    assert _digests(workplace.dicom) == inputs


def test_a_bad_slice_is_kept_out_and_marked_then_mended(workplace):
    good, bad = _two_series(workplace.dicom)
    broken = sorted((workplace.dicom / "bad").iterdir())[1]
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-5000])
    first = workplace.batch()
    assert first.status == 1
    ledger = workplace.ledger()
    assert ledger.loc[good, "state"] == "done"
    assert ledger.loc[bad, ["state", "scored", "failed"]].to_list() == ["incomplete", 2, 1]
    manifest = json.loads((workplace.output / "saliency_panels" / "run_manifest.json").read_text())
    assert {e["series_id"]: e["complete"] for e in manifest} == {good: True, bad: False}
    not_scored = pd.read_csv(workplace.output / "slices_not_scored.csv")
    assert not_scored["path"].to_list() == [f"bad/{broken.name}"]
    strict = workplace.batch(
        "resources:\n  dicom: {config: {on_bad_slice: fail}}\n"
        "  networks: {config: {max_folds_per_backbone: 1}}\n"
        "  saliency: {config: {image_size_override: 64, method: gradcam}}\n"
    )
    assert strict.status == 1
    assert workplace.ledger().loc[bad, ["state", "scored"]].to_list() == ["failed", 0]
    broken.write_bytes(whole)
    mended = workplace.batch()
    assert mended.status == 0, mended.text
    assert workplace.ledger().loc[bad, ["state", "scored"]].to_list() == ["done", 3]


def test_values_that_are_not_hu_fail_and_the_exit_status_says_so(workplace):
    good, bad = _two_series(workplace.dicom)
    rewrite(workplace.dicom / "bad", signed=False, intercept=0)
    done = workplace.batch()
    assert done.status == 1
    ledger = workplace.ledger()
    assert ledger.loc[good, "state"] == "done"
    assert ledger.loc[bad, ["state", "scored", "failed"]].to_list() == ["failed", 0, 3]
    not_scored = pd.read_csv(workplace.output / "slices_not_scored.csv")
    assert set(not_scored["code"]) == {"NOT_HU"} and len(not_scored) == 3
    assert "above 10,000 HU" in not_scored["reason"][0]
    scored = pd.read_csv(workplace.output / "predictions_per_series.csv")
    assert scored.set_index("series_id").loc[bad, "slices_scored"] == 0
    mended = workplace.batch(CONFIG + "  dicom: {config: {mend_signed: true}}\n")
    assert mended.status == 0, mended.text
    assert workplace.ledger().loc[bad, "state"] == "done"
    assert "MENDED: slices mended (signed values): 3" in workplace.ledger().loc[bad, "remarks"]


def test_missing_input_and_checkpoints_are_named(workplace, tmp_path):
    empty = workplace.batch()
    assert empty.status == 1
    assert "no DICOM file" in empty.text
    assert str(workplace.dicom) in empty.text
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=64)
    workplace.models = tmp_path / "nowhere"
    weightless = workplace.batch()
    assert weightless.status == 1
    assert "checkpoint missing: model_epoch_best_0.pth" in weightless.text
    assert str(tmp_path / "nowhere" / "2DNet") in weightless.text
    assert "Traceback" not in weightless.text


def test_a_folder_of_localizers_is_no_success(workplace):
    write_localizer(workplace.dicom)
    done = workplace.batch()
    assert done.status == 1
    assert "none of the 1 series found can be scored" in done.text


def test_a_full_disk_is_named_and_leaves_no_half_file(workplace):
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespace to be had")
    write_series(workplace.dicom, name="one", slices=3, bleed=False, size=512)
    workplace.results.mkdir()
    mount = f"mount -t tmpfs -o size=400k tmpfs '{workplace.results}'"
    look = f"find '{workplace.results}' -name '.part-*'"
    script = f'{mount} && "$@"; status=$?; {look}; exit $status'
    done = workplace.batch(prefix=["unshare", "-m", "sh", "-c", script, "sh"])
    assert done.status == 1
    assert "the disk is full" in done.text
    assert ".part-" not in done.text
    assert "Stack Trace" not in done.text
