"""ich_send on the real command line: from phantoms to a PACS, through failures and a kill."""

import hashlib
import json
import os
import signal

import pandas as pd
import pydicom
import pytest
import yaml
from archive import archive
from live import free_port, wait
from pacs import pacs
from workplace import Workplace

pytestmark = pytest.mark.slow
SECRET = "Zaphod:beeble-brox-42"


@pytest.fixture
def place(with_objects: Workplace) -> Workplace:
    """Two series with DICOM objects of which nothing was sent."""
    for path in (with_objects.results / "state" / "series").glob("*/sent.json"):
        path.unlink()
    return with_objects


def config(*destinations: dict[str, object], **fields: object) -> str:
    """Return a run configuration of ich_send that is not patient."""
    send = {"destinations": list(destinations), "attempts": 2, "wait_seconds": 0.1}
    send |= {"timeout_seconds": 30}
    sections: dict[str, object] = {"resources": {"send": {"config": send}}}
    return yaml.safe_dump(sections | {"ops": {"send_results": {"config": fields}}})


def to(port: int, name: str = "pacs", **options: object) -> dict[str, object]:
    return {
        "name": name,
        "kind": "dimse",
        "host": "127.0.0.1",
        "port": port,
        "called": "PACS",
        **options,
    }


def objects(place: Workplace) -> dict[str, bytes]:
    """The bytes of each object, by SOPInstanceUID."""
    paths = sorted((place.output / "dicom").rglob("*.dcm"))
    return {str(pydicom.dcmread(p).SOPInstanceUID): p.read_bytes() for p in paths}


def sent(place: Workplace, name: str = "pacs") -> pd.DataFrame:
    table = pd.read_csv(place.output / "sent.csv", dtype={"series_id": str}, keep_default_na=False)
    return table[table["destination"] == name].sort_values("series_id")


def test_what_cannot_be_sent_is_said_and_sent_later(place):
    ours, port = objects(place), free_port()
    assert len(ours) > 8
    nowhere = place.execute("ich_send", config())
    assert nowhere.status == 1
    assert "there is no destination" in nowhere.text
    closed = place.execute("ich_send", config(to(port)))
    assert closed.status == 1
    assert "Connection refused" in closed.text and "Traceback" not in closed.text
    table = sent(place)
    assert list(table["state"]) == ["waiting"] * 2
    assert list(table["accepted"]) == [0, 0]
    assert all("Connection refused" in text for text in table["sentence"])
    refused = next(iter(ours))
    with pacs(port=port, classes=kinds(ours), refuses=refused) as there:
        partly = place.execute("ich_send", config(to(port)))
        assert partly.status == 1 and "0xC001" in partly.text
        assert sorted(sent(place)["state"]) == ["refused", "sent"]
        there.refuses = ""
        whole = place.execute("ich_send", config(to(port)))
        assert whole.status == 0, whole.text
        # Each object was accepted once; what was accepted did not go again.
        assert sorted(there.received) == sorted(ours)
        assert {uid: ours[uid].endswith(there.content[uid]) for uid in ours} == dict.fromkeys(
            ours, True
        )
        requests = there.requests
        again = place.execute("ich_send", config(to(port, name="renamed")))
        assert again.status == 0
        assert there.requests == requests
    assert list(sent(place, "renamed")["state"]) == ["sent"] * 2


def test_a_killed_run_goes_on_with_the_same_objects(place):
    ours = objects(place)
    with pacs(classes=kinds(ours), seconds=0.3) as there:
        process = place.start("ich_send", config(to(there.port)))
        assert wait(90, lambda: len(there.received) >= 3)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # The object that is on its way at the kill still comes.
        assert len(there.received) + 1 < len(ours)
        done = place.execute("ich_send", config(to(there.port)))
        assert done.status == 0, done.text
        assert set(there.received) == set(ours)
        # The one that was on its way at the kill may have gone twice.
        assert len(there.received) - len(ours) <= 1
        assert all(ours[uid].endswith(there.content[uid]) for uid in ours)


def test_commitment_and_stow_leave_no_secret_and_no_patient_behind(place):
    ours = objects(place)
    place.environment["ARCHIVE_LOGIN"] = SECRET
    commitment = {"listen_port": free_port(), "wait_seconds": 60}
    with pacs(classes=kinds(ours), commits="lacks one") as there, archive() as other:
        stow = {"name": "web", "kind": "dicomweb", "url": other.url}
        stow["credentials"] = "env:ARCHIVE_LOGIN"
        both = [stow, to(there.port, commitment=commitment)]
        first = place.execute("ich_send", config(*both))
        # The PACS says of one object of each series that it does not keep it.
        assert first.status == 1 and "0x0112" in first.text
        assert other.content == ours
        there.commits = "same"
        second = place.execute("ich_send", config(*both))
        assert second.status == 0, second.text
        assert other.requests == len(ours)
        assert len(there.received) == len(ours) + 2
    table = sent(place)
    assert list(table["confirmed"]) == list(table["objects"])
    written = [p for p in place.root.rglob("*") if p.is_file()]
    written = [p for p in written if place.dicom not in p.parents]
    assert any(path.suffix == ".db" for path in written)
    for word in ("beeble-brox", "Zaphodius", "PID-7351-QX"):
        assert word not in first.text + second.text
        below = place.output / "dicom"
        assert [
            p for p in written if word.encode() in p.read_bytes() and below not in p.parents
        ] == []


def test_other_bytes_under_a_uid_that_was_sent_never_go(place):
    port = free_port()
    with pacs(port=port, classes=kinds(objects(place))) as there:
        assert place.execute("ich_send", config(to(port))).status == 0
        number = there.requests
        for path in (place.results / "state" / "series").glob("*/sent.json"):
            ledger = json.loads(path.read_text())
            for known in ledger["destinations"].values():
                shas = {sha: hashlib.sha256(sha.encode()).hexdigest() for sha in known["objects"]}
                known["objects"] = {shas[sha]: one for sha, one in known["objects"].items()}
                known["current"] = []
            path.write_text(json.dumps(ledger))
        done = place.execute("ich_send", config(to(port)))
        assert done.status == 1
        assert "other bytes went under the same SOPInstanceUID" in done.text
        assert there.requests == number


def kinds(ours: dict[str, bytes]) -> set[str]:
    """Return the SOP classes of objects."""
    from io import BytesIO

    return {
        str(pydicom.dcmread(BytesIO(c), stop_before_pixels=True).SOPClassUID) for c in ours.values()
    }
