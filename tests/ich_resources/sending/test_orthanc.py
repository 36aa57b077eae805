"""A real PACS: each object arrives once, by either protocol, and is confirmed."""

import pytest
from dicom_objects import write_objects
from orthanc import USER, orthanc
from sender import read, send_files, sender_to

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_no_sockets_of_servers")]


def test_orthanc_takes_each_object_once_and_confirms_it(files, tmp_path, monkeypatch):
    monkeypatch.setenv("ORTHANC_LOGIN", ":".join(USER))
    (other,) = write_objects(tmp_path / "other", 4)[3:]
    with orthanc(tmp_path / "orthanc") as there:
        by_dimse = {
            "kind": "dimse",
            "host": "127.0.0.1",
            "port": there.dicom_port,
            "called": "ORTHANC",
            "commitment": {"listen_port": there.reports_to, "wait_seconds": 30},
        }
        web = {"kind": "dicomweb", "url": f"{there.url}/dicom-web"}
        web["credentials"] = "env:ORTHANC_LOGIN"
        assert send_files(files, **by_dimse) == ("", [("accepted", "0x0000")] * 3)
        # Orthanc answers on an association of its own.
        sender = sender_to(**by_dimse)
        (to,) = sender.chosen_by([])
        asked = {one.sop_instance: one.sop_class for one in read(sender, [*files, other])}
        assert list(sender.confirm(to, asked).values()) == [
            *["confirmed"] * 3,
            "missing: 0x0112",
        ]
        assert send_files([*files, other], **web) == ("", [("accepted", "HTTP 200")] * 4)
        assert send_files(files, **by_dimse) == ("", [("accepted", "0x0000")] * 3)
        assert set(sender.confirm(to, asked).values()) == {"confirmed"}
        kept = there.instances()  # asserts that no UID is there twice
        assert set(kept) == {path.stem for path, _ in (*files, other)}
        assert kept[other[0].stem] == other[0].read_bytes()
        monkeypatch.setenv("ORTHANC_LOGIN", "ich:wrong")
        said, got = send_files(files, **web)
        assert got == [] and "HTTP 401" in said
