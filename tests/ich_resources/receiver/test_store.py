"""What was received becomes one whole file of the inbox, or none."""

import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")

from pynetdicom.dsutils import encode_file_meta

from ich_resources.receiver.store import place, sweep, write_instance
from ich_resources.uids import TEMPORARY_SUFFIXES

HALF = f"1.2.dcm.{'0123456789abcdef' * 2}.part"


@contextmanager
def file_size_limit(size: int):
    """Let no file of this process grow beyond a size."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def names(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_per_study_and_per_series():
    assert place(Path("/in"), "1.1", "1.2", "1.3") == Path("/in/1.1/1.2/1.3.dcm")
    longest = "1" * 64
    assert place(Path("/in"), *[longest] * 3) == Path(f"/in/{longest}/{longest}/{longest}.dcm")


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "/etc",
        "1.2/3",
        "1.2\\3",
        "1/..",
        ".1",
        "1.part",
        "1.2\n",
        "1.2\0",
        " 1.2",
        "1.2 ",
        "1,a",
        "-1",
        "١.٢",
        "1" * 65,
    ],
)
@pytest.mark.parametrize(("position", "name"), [(0, "study"), (1, "series"), (2, "instance")])
def test_what_is_no_uid_becomes_no_path(value, position, name):
    uids = ["1.1", "1.2", "1.3"]
    uids[position] = value
    with pytest.raises(ValueError, match=f"the {name} has no valid UID"):
        place(Path("/in"), *uids)


def meta(implementation: str = "1.2.3") -> bytes:
    """The head of a file, with an implementation that may change from version to version."""
    information = FileMetaDataset()
    information.MediaStorageSOPClassUID = information.MediaStorageSOPInstanceUID = "1.2"
    information.TransferSyntaxUID = ExplicitVRLittleEndian
    information.ImplementationClassUID = implementation
    return bytes(128) + b"DICM" + encode_file_meta(information)


def test_a_file_is_written_with_its_folders(tmp_path):
    path = tmp_path / "1.1" / "1.2" / "1.3.dcm"
    assert write_instance(path, meta(), b"content") == path
    assert names(tmp_path) == ["1.1", "1.1/1.2", "1.1/1.2/1.3.dcm"]
    assert path.read_bytes() == meta() + b"content"


def test_other_content_is_kept_beside_the_first(tmp_path):
    path = tmp_path / "1.3.dcm"
    contents = [b"a longer first", b"second", b"third!"]
    written = [write_instance(path, meta(), each) for each in contents]
    assert written[0] == path
    assert [each.read_bytes() for each in written] == [meta() + each for each in contents]
    assert len(set(names(tmp_path))) == 3
    assert all(each.suffix == ".dcm" for each in written)


@pytest.mark.parametrize("implementation", ["1.2.3", "1.2.3.4.5"])
def test_the_same_content_stays_one_file(tmp_path, implementation):
    path = tmp_path / "1.3.dcm"
    contents = [b"first", b"second"] * 2
    written = [write_instance(path, meta(), contents[0])]
    written += [write_instance(path, meta(implementation), each) for each in contents[1:]]
    assert written[:2] == written[2:]
    assert path.read_bytes() == meta() + b"first"
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize("foreign", [b"", b"short", bytes(1000)])
def test_what_others_wrote_under_the_name_stays(tmp_path, foreign):
    path = tmp_path / "1.3.dcm"
    path.write_bytes(foreign)
    beside = write_instance(path, meta(), b"content")
    assert path.read_bytes() == foreign
    assert beside.read_bytes() == meta() + b"content"


def test_files_that_arrive_at_once_do_not_mix_and_none_is_lost(tmp_path):
    path = tmp_path / "1.3.dcm"
    contents = [bytes([number]) * 100_000 for number in range(16)] * 2
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda content: write_instance(path, meta(), content), contents))
    assert [each.read_bytes() for each in written] == [meta() + each for each in contents]
    assert len(names(tmp_path)) == 16


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "1.3.dcm"
    write_instance(path, meta(), b"old")
    with file_size_limit(10), pytest.raises(OSError, match="too large"):
        write_instance(path, meta(), b"x" * 1000)
    assert path.read_bytes() == meta() + b"old"
    assert names(tmp_path) == ["1.3.dcm"]


def test_a_final_name_that_is_taken_by_a_folder(tmp_path):
    path = tmp_path / "1.3.dcm"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_instance(path, meta(), b"content")
    assert names(tmp_path) == ["1.3.dcm"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "1.1").write_bytes(b"in the way")
    with pytest.raises(NotADirectoryError):
        write_instance(tmp_path / "1.1" / "1.2" / "1.3.dcm", meta(), b"content")
    assert names(tmp_path) == ["1.1"]


def test_sweep_removes_half_files_of_ours(tmp_path):
    folder = tmp_path / "1.1" / "1.2"
    folder.mkdir(parents=True)
    (folder / HALF).write_bytes(b"half")
    (folder / f"1.3{HALF}").write_bytes(b"")
    assert sweep(tmp_path) == 2
    assert names(tmp_path) == ["1.1", "1.1/1.2"]
    assert sweep(tmp_path) == 0


@pytest.mark.parametrize(
    "name",
    [
        "1.1/1.2/1.3.dcm",
        "1.1/1.2/1.3.dcm.part",
        "1.1/1.2/IM0001.part",
        f"1.1/1.2/{HALF}.gz",
        f"1.1/1.2/{HALF.upper()}",
        f"1.1/1.2/.{HALF}",
        f"1.1/1.2/{HALF.replace('.part', '.tmp')}",
        f"1.1/{HALF}",
        f"{HALF}",
        f"1.1/1.2/1.3/{HALF}",
    ],
)
def test_sweep_leaves_files_of_others(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"theirs")
    assert sweep(tmp_path) == 0
    assert path.read_bytes() == b"theirs"


def test_half_files_have_a_name_that_the_inbox_leaves_alone():
    assert HALF.endswith(TEMPORARY_SUFFIXES)
