"""Objects of phantoms and of a tilted scan: identity, geometry, what is left out, what they say."""

import numpy as np
import pydicom
import pytest
from ledgers import only_series, scan
from scored_objects import headers_of, hottest, in_patient, made_up, marked_map, objects_of, read

from ich_resources.demo.study import write_series
from ich_resources.dicom_objects.make import wanted
from ich_resources.dicom_objects.source import moment, planes, why_no_objects
from ich_resources.uids import is_dicom_uid

SPOT = marked_map(20, 40, 64, 64)


@pytest.fixture(scope="module")
def headers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    write_series(folder, name="one", slices=3, bleed=False, size=64)
    return headers_of(folder)


def _without(headers, *keywords):
    return [{k: v for k, v in header.items() if k not in keywords} for header in headers]


def test_the_same_result_gives_the_same_bytes_and_another_has_other_uids(headers):
    first, again = (objects_of(headers, made_up(3, SPOT)) for _ in range(2))
    assert first == again
    assert list(first)[:2] == ["summary.dcm", "overlay_0001.dcm"] and len(first) == 7
    other = objects_of(headers, made_up(3, SPOT, threshold=0.5))
    uids = [{read(b).SOPInstanceUID for b in made.values()} for made in (first, other)]
    assert len(uids[0]) == len(first) and not uids[0] & uids[1]
    assert all(is_dicom_uid(uid) and uid.startswith("2.25.") for uid in uids[0])
    for dataset in map(read, first.values()):
        assert not {e.value for e in dataset.iterall() if e.VR in ("DA", "TM", "DT")} - {
            *("20260101", "120000", ""),
        }


def test_patient_and_study_are_those_of_the_source(headers):
    named = [dict(h, PatientName=["Müller^Jörg"], PatientSex=["unknown"]) for h in headers]
    for content in objects_of(named, made_up(3, SPOT)).values():
        dataset = read(content)
        assert str(dataset.PatientName) == "Müller^Jörg" and dataset.PatientID == "PHANTOM"
        assert dataset.PatientSex == ""  # its form is not that of the element
        assert dataset.StudyInstanceUID == headers[0]["StudyInstanceUID"][0]


def test_without_date_or_frame_of_reference_only_what_can_be_made_is_made(headers):
    dates = [
        f"{whose}{what}"
        for whose in ("Acquisition", "Content", "Series", "Study")
        for what in ("Date", "Time")
    ]
    bare = _without(headers, *dates, "PatientName", "PatientBirthDate", "PatientSex", "PatientID")
    made = objects_of(bare, made_up(3, SPOT))
    assert set(made) == {"summary.dcm", *(f"overlay_000{n}.dcm" for n in (1, 2, 3))}
    overlay = read(made["overlay_0002.dcm"])
    assert overlay.PatientName == overlay.StudyDate == "" and "ContentDate" not in overlay
    assert "no date and time" in wanted(bare, parametric_map=True).left_out
    flat = _without(headers, "FrameOfReferenceUID")
    made = objects_of(flat, made_up(3, SPOT))
    assert "saliency_map.dcm" not in made and "report.dcm" in made
    assert "ImagePositionPatient" not in read(made["overlay_0001.dcm"])
    assert "no frame of reference" in wanted(flat, parametric_map=False).left_out
    assert wanted(headers, parametric_map=True).left_out == ""


@pytest.mark.parametrize(
    ("keyword", "values", "said"),
    [
        ("SOPClassUID", None, "do not have SOPClassUID"),
        ("StudyInstanceUID", ["ID_1"] * 3, "not a UID as StudyInstanceUID"),
        ("PatientID", ["a", "a", "b"], "do not agree in PatientID"),
    ],
)
def test_why_a_series_gets_no_objects(headers, keyword, values, said):
    changed = _without(headers, keyword)
    for header, text in zip(changed, values or (), strict=False):
        header[keyword] = [text]
    assert said in why_no_objects(changed)
    assert why_no_objects(headers) == ""


def test_broken_values_are_as_good_as_none(headers):
    broken = [dict(h, PixelSpacing=["0.5", "x"], AcquisitionDate=["01.02.2026"]) for h in headers]
    assert planes(broken) is None
    assert moment(broken) == ("20260101", "120000")  # that of the content


def test_the_report_says_what_was_found(headers):
    scored = made_up(3, SPOT, threshold=0.5)
    report = read(objects_of(headers, scored)["report.dcm"])
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    groups = report.ContentSequence[-1].ContentSequence
    assert len(groups) == 6
    numbers = [
        item.MeasuredValueSequence[0].NumericValue
        for item in groups[0].ContentSequence
        if item.ValueType == "NUM"
    ]
    found = scored.folds["DenseNet121"][:, scored.probabilities[:, 0].argmax(), 0]
    expected = [scored.probabilities[:, 0].max(), found.min(), found.max(), found.std()]
    assert [float(n) for n in numbers] == pytest.approx([float(e) for e in expected], abs=1e-5)
    presence = [
        [i for i in g.ContentSequence if i.ValueType == "CODE"][-1].ConceptCodeSequence[0].CodeValue
        for g in groups
    ]
    assert presence == ["121053", *["121059"] * 5]
    assert "121053" not in str(read(objects_of(headers, made_up(3, SPOT))["report.dcm"]))


def test_our_own_scan_refuses_every_object(headers, tmp_path):
    for name, content in objects_of(headers, made_up(3, SPOT)).items():
        (tmp_path / name).write_bytes(content)
    ledger = scan(tmp_path)
    refused = [s.judgement for series in ledger.series for s in series.slices]
    refused += [file.judgement for file in ledger.unassigned]
    assert len(refused) == 7
    assert {j.state for j in refused} == {"refused"}, refused


def test_the_overlay_lies_on_the_right_place_of_a_tilted_scan(shared):
    """A spot at a place of the patient is found at that place, in overlays and map."""
    folder = shared / "data" / "head_ct_ge"
    if not folder.is_dir():
        pytest.skip(f"the tilted scan is not at {folder}")
    headers = headers_of(folder, StudyDate="20200102", StudyTime="101112")
    row, column = 300.0, 180.0
    scored = made_up(len(headers), marked_map(row, column, 512, 512))
    made = objects_of(headers, scored)
    series = only_series(scan(folder))
    paths = {s.sop_instance_uid: folder / s.path for s in series.slices}
    parametric = read(made["saliency_map.dcm"])
    maps = np.frombuffer(parametric.FloatPixelData, np.float32).reshape(-1, 512, 512)
    frames = {
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID: i
        for i, frame in enumerate(parametric.PerFrameFunctionalGroupsSequence)
    }
    for number in (1, 14, 28):
        overlay = read(made[f"overlay_{number:04}.dcm"])
        source_uid = overlay.SourceImageSequence[0].ReferencedSOPInstanceUID
        source = pydicom.dcmread(paths[source_uid], stop_before_pixels=True)
        assert float(source.GantryDetectorTilt) == 18.5
        expected = in_patient(source, row, column)
        place = in_patient(overlay, *hottest(overlay.pixel_array))
        assert np.abs(place - expected).max() < 0.5  # mm; a pixel is 0.49
        assert overlay.FrameOfReferenceUID == source.FrameOfReferenceUID
        frame = parametric.PerFrameFunctionalGroupsSequence[frames[source_uid]]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert list(position) == pytest.approx(list(source.ImagePositionPatient), abs=1e-4)
        found = maps[frames[source_uid]]
        assert found.max() == pytest.approx(scored.maps[number - 1].max() / 255, abs=0.01)
        peak = np.unravel_index(found.argmax(), (512, 512))
        assert np.abs(np.subtract(peak, (row, column))).max() <= 1
