"""Files of research data: words and hashes as identifiers, no SOP class, few elements."""

import hashlib
import io

import pydicom
import pytest
from ledgers import only_series, unassigned_codes
from pydicom.uid import RLELossless
from research import write_research

from ich_resources.dicom.discovery import scan
from ich_resources.dicom.reading import read_series
from ich_resources.reasons import Reason
from ich_resources.series_images import HuSlice

NAMES = ("ID_66929e09d4", "ID_e22a5534e6")
STEMS = [f"ID_{number:09x}" for number in (0x9A, 0x3, 0x77, 0xF0)]


def _edit(path, **values):
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=False)


def _hash(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("codec", [None, RLELossless])
@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (NAMES, STEMS),
        ((_hash("study"), _hash("series")), [_hash(stem) for stem in STEMS]),
        (("sub-01", "sub-01_ses-2"), ["a_1", "A_1", "1.2-x", "NA"]),
    ],
)
def test_they_are_read_in_order(tmp_path, named, codec, names, stems):
    paths = write_research(tmp_path / "in", names, stems, tmp_path / "x", named=named)
    for path in paths if codec else ():
        dataset = pydicom.dcmread(path)
        dataset.compress(codec, generate_instance_uid=False)
        dataset.save_as(path, enforce_file_format=False)
    ledger = scan(tmp_path / "in")
    assert ledger.unassigned == ()
    series = only_series(ledger)
    assert (series.study_instance_uid, series.series_instance_uid) == names
    assert series.count("admitted") == 4 and series.remarks == () and series.primary
    read = list(read_series(series, tmp_path / "in"))
    assert all(isinstance(item, HuSlice) for item in read)
    assert [item.record.sop_instance_uid for item in read] == stems
    assert all(item.hu.min() < -900 for item in read)


@pytest.mark.parametrize(
    ("values", "state", "code"),
    [
        ({"Modality": "MR"}, "refused", Reason.NOT_CT),
        ({"ImagePositionPatient": None}, "refused", Reason.NOT_CT),
        ({"SOPInstanceUID": "ID 1"}, "refused", Reason.BAD_UID),
        ({"SeriesInstanceUID": "a...b"}, "refused", Reason.BAD_UID),
        ({"SeriesInstanceUID": "run_manifest.json"}, "refused", Reason.BAD_UID),
        ({"StudyInstanceUID": "../x"}, "refused", Reason.BAD_UID),
        ({"SOPInstanceUID": "ID_1.part"}, "refused", Reason.BAD_UID),
        ({"PixelData": None}, "failed", Reason.NO_PIXELS),
    ],
)
def test_what_is_no_slice_of_research_data(tmp_path, values, state, code):
    paths = write_research(tmp_path / "in", NAMES, STEMS, tmp_path / "x")
    _edit(paths[0], **values)
    ledger = scan(tmp_path / "in")
    found = [s.judgement for series in ledger.series for s in series.slices if s.judgement]
    found += [file.judgement for file in ledger.unassigned]
    assert [(judgement.state, judgement.code) for judgement in found] == [(state, code)]
    assert not any(str(v) in found[0].reason for v in values.values() if code == Reason.BAD_UID)


def test_a_file_with_short_pixels_is_listed_and_its_neighbours_are_scored(tmp_path):
    """ID_6431af929 of the RSNA 2019 data is such a file."""
    paths = write_research(tmp_path / "in", NAMES, STEMS, tmp_path / "x")
    paths[1].write_bytes(paths[1].read_bytes()[:-900])
    series = only_series(scan(tmp_path / "in"))
    assert [series.count(s) for s in ("admitted", "failed")] == [3, 1]


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_header_without_class_is_a_failure(tmp_path, part):
    paths = write_research(tmp_path / "in", NAMES, STEMS, tmp_path / "x")
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[: int((len(content) - 64 * 64 * 2) * part)])
    ledger = scan(tmp_path / "in")
    assert only_series(ledger).count("admitted") == 3
    failed = [s.judgement for s in only_series(ledger).slices if s.judgement]
    failed += [file.judgement for file in ledger.unassigned]
    assert [judgement.state for judgement in failed] == ["failed"]


def test_bytes_of_no_data_set_are_not_taken_for_one(tmp_path):
    write_research(tmp_path / "in", NAMES, STEMS, tmp_path / "x")
    dataset = pydicom.Dataset()
    dataset.PatientName = "x"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=True, little_endian=True)
    (tmp_path / "in" / "x.dcm").write_bytes(buffer.getvalue())
    assert unassigned_codes(scan(tmp_path / "in")) == {"x.dcm": Reason.UNREADABLE}


def test_many_series_lie_in_one_flat_folder(tmp_path):
    series = [(f"ID_{i:010x}", f"ID_{i + 99:010x}") for i in range(5)]
    expected = {}
    for i, names in enumerate(series):
        stems = [f"ID_{7919 * (i + 5 * k) % 999983:09x}" for k in range(6)]
        write_research(tmp_path / "in", names, stems, tmp_path / f"x{i}", named=bool(i % 2))
        expected[names[1]] = stems
    ledger = scan(tmp_path / "in")
    assert (len(ledger.series), ledger.files_seen, ledger.unassigned) == (5, 30, ())
    for found in ledger.series:
        order = sorted(found.slices, key=lambda s: s.position)
        assert [s.sop_instance_uid for s in order] == expected[found.series_instance_uid]
