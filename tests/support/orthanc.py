"""A real Orthanc of a test's own: DICOM, DICOMweb and its REST API, on ports of its own."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from engines import engine_is_missing
from live import free_port, wait

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER = ("ich", "orthanc-password")


@dataclass(frozen=True)
class Orthanc:
    """An Orthanc that runs.

    ``reports_to`` is the port to which it answers requests for storage commitment.
    """

    dicom_port: int
    http_port: int
    reports_to: int

    @property
    def url(self) -> str:
        """Its REST API; DICOMweb is below ``/dicom-web``."""
        return f"http://127.0.0.1:{self.http_port}"

    def get(self, path: str) -> requests.Response:
        """Ask the REST API."""
        return requests.get(f"{self.url}{path}", auth=USER, timeout=30)

    def instances(self) -> dict[str, bytes]:
        """The bytes of each instance, by SOPInstanceUID."""
        found = {}
        for one in self.get("/instances?expand").json():
            uid = one["MainDicomTags"]["SOPInstanceUID"]
            assert uid not in found
            found[uid] = self.get(f"/instances/{one['ID']}/file").content
        return found


@contextmanager
def orthanc(folder: Path, **options: object) -> Iterator[Orthanc]:
    """Run an Orthanc with the AE title ORTHANC below a folder for a while."""
    program = shutil.which("Orthanc")
    if program is None or not PLUGIN.exists():
        engine_is_missing("no Orthanc here: tests/hpc/install_dicom_tools.sh")
    one = Orthanc(free_port(), free_port(), free_port())
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": one.http_port,
        "DicomPort": one.dicom_port,
        "DicomAet": "ORTHANC",
        "DicomModalities": {"ich": ["ICH", "127.0.0.1", one.reports_to]},
        "RegisteredUsers": dict([USER]),
        "AuthenticationEnabled": True,
        **options,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = folder / "orthanc.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, str(folder / "orthanc.json")], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        up = wait(60, lambda: process.poll() is not None or one.get("/system").ok)
        assert up and process.poll() is None, log.read_text()
        yield one
    finally:
        process.terminate()
        process.wait(30)
