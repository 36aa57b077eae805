"""What others say of the objects: dciodvfy, PixelMed's validator, Orthanc."""

import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
import requests
from engines import engine_is_missing
from orthanc import USER, orthanc
from scored_objects import headers_of, made_up, marked_map, objects_of

from ich_resources.demo.study import write_series

pytestmark = pytest.mark.slow

PIXELMED = Path("/usr/share/java/pixelmed.jar")
LIMITS = [f"-Djdk.xml.xpath{kind}Limit=0" for kind in ("ExprOp", "TotalOp", "ExprGrp")]


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> Path:
    """The objects of a phantom, of a de-identified source and of a threshold, as files."""
    root = tmp_path_factory.mktemp("objects")
    write_series(root / "source", name="one", slices=3, bleed=False, size=64)
    headers = headers_of(root / "source")
    bare = ("PatientName", "PatientBirthDate", "PatientSex", "StudyID", "PatientID")
    removed = [{k: v for k, v in header.items() if k not in bare} for header in headers]
    removed = [dict(h, PatientIdentityRemoved=["YES"], AccessionNumber=["7"]) for h in removed]
    spot = marked_map(20, 40, 64, 64)
    sets = {"named": headers, "removed": removed}
    for name, source in sets.items():
        scored = made_up(3, spot, threshold=0.5 if name == "named" else None)
        for file, content in objects_of(source, scored).items():
            (root / name).mkdir(exist_ok=True)
            (root / name / file).write_bytes(content)
    return root


def test_dciodvfy_finds_no_error(objects):
    program = shutil.which("dciodvfy")
    if program is None:
        engine_is_missing("no dciodvfy here: tests/hpc/install_dicom_tools.sh")
    files = sorted(objects.glob("[nr]*/*.dcm"))
    assert len(files) == 14
    for file in files:
        said = subprocess.run([program, file], capture_output=True, text=True).stderr
        assert "Warning" in said or said.strip(), file  # it has read the file
        assert "Error" not in said and "Abort" not in said, (file, said)


@pytest.mark.parametrize("name", ["report", "key_images"])
def test_the_validator_of_pixelmed_finds_no_error(objects, name):
    if not PIXELMED.exists() or shutil.which("java") is None:
        engine_is_missing("no PixelMed here: tests/hpc/install_dicom_tools.sh")
    program = ["java", *LIMITS, "-cp", str(PIXELMED), "com.pixelmed.validate.DicomSRValidator"]
    done = subprocess.run(
        [*program, objects / "named" / f"{name}.dcm"], capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert "IOD validation complete" in said and "Root Template Validation Complete" in said
    assert "Error" not in said and "Exception" not in said, said


def test_orthanc_keeps_every_object_and_every_reference_leads_to_one(objects, tmp_path):
    files = sorted((objects / "named").glob("*.dcm"))
    with orthanc(tmp_path / "orthanc") as archive:
        sources = sorted(p for p in (objects / "source").iterdir() if p.is_file())
        for file in (*sources, *files, *files):  # the objects come twice
            answer = requests.post(
                f"{archive.url}/instances", data=file.read_bytes(), auth=USER, timeout=30
            )
            assert answer.ok, answer.text
        kept = archive.instances()
    assert len(kept) == len(sources) + len(files)
    for file in files:
        dataset = pydicom.dcmread(file)
        assert kept[dataset.SOPInstanceUID] == file.read_bytes()
        named = {e.value for e in dataset.iterall() if e.keyword == "ReferencedSOPInstanceUID"}
        assert named or file.name == "summary.dcm"
        assert named <= set(kept)
