"""Archives that mean harm write nothing outside, nor anything at all."""

import io
import lzma
import os
import stat
import tarfile
import zipfile

import pytest
from fetching import ALL
from release import DIGESTS, packed, public, stated

from ich_resources.backbones.table import checkpoint_name
from ich_resources.errors import FetchError
from ich_resources.weights.release import ARCHIVES
from ich_resources.weights.unpacking import unpack

BACKBONE = ALL[0]
ARCHIVE = ARCHIVES[BACKBONE.name]
OWN = "DenseNet121_change_avg_512"
GOOD = {f"{OWN}/{checkpoint_name(fold)}": b"fold %d" % fold for fold in range(5)}


def tar_of(*entries: tarfile.TarInfo) -> bytes:
    """The five good folds, with bad entries between them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number, (name, content) in enumerate(GOOD.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
            for bad in entries if number == 2 else ():
                archive.addfile(bad, io.BytesIO(b"bad" if bad.isreg() else b""))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    made.size = 3 if kind == tarfile.REGTYPE else 0
    return made


EVIL = {
    "dots": [entry(f"../../{checkpoint_name(0)}")],
    "dots inside": [entry(f"{OWN}/../../../{checkpoint_name(0)}")],
    "dots as folder": [entry("../outside", tarfile.DIRTYPE)],
    "absolute": [entry("OUTSIDE/evil.pth")],
    "backslashes": [entry("..\\evil.pth")],
    "symbolic link": [entry(f"{OWN}/link.pth", tarfile.SYMTYPE, "OUTSIDE/victim")],
    "link as folder, then a file": [
        entry(OWN, tarfile.SYMTYPE, "OUTSIDE"),
        entry(f"{OWN}/evil.pth"),
    ],
    "harmless looking link": [entry(f"{OWN}/a", tarfile.SYMTYPE, checkpoint_name(0))],
    "hard link": [entry(f"{OWN}/link.pth", tarfile.LNKTYPE, "OUTSIDE/victim")],
    "hard link inside": [entry(f"{OWN}/b", tarfile.LNKTYPE, f"{OWN}/{checkpoint_name(0)}")],
    "device": [entry("null", tarfile.CHRTYPE)],
    "block device": [entry("sda", tarfile.BLKTYPE)],
    "pipe": [entry(f"{OWN}/{checkpoint_name(4)}", tarfile.FIFOTYPE)],
    "twice": [entry(f"{OWN}/{checkpoint_name(0)}")],
    "another backbone's folder": [entry(f"DenseNet169_change_avg_256/{checkpoint_name(0)}")],
    "very many": [entry(f"notes/{number}") for number in range(1001)],
}


@pytest.mark.parametrize("evil", EVIL)
def test_a_malicious_release_writes_nothing(site, server, source, tmp_path, evil):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"untouched")
    site.fetch(source())  # good files are there, and must stay
    before = site.files()
    for bad in EVIL[evil]:
        bad.name = bad.name.replace("OUTSIDE", str(outside))
        bad.linkname = bad.linkname.replace("OUTSIDE", str(outside))
    content = tar_of(*EVIL[evil])
    public(server, {ARCHIVE: content, DIGESTS: stated({ARCHIVE: content})})
    with pytest.raises(FetchError, match="refused, nothing of it was written") as caught:
        site.fetch(source(), backbones=[BACKBONE], force=True)
    assert "\n" not in str(caught.value)
    after = site.files()
    assert {name: after[name] for name in before} == before
    assert [name for name in after if name not in before and not name.startswith(".fetch/")] == []
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"victim": b"untouched"}
    assert {path.name for path in tmp_path.iterdir()} == {"models", "outside"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def take(content: bytes, folder) -> dict[str, bytes]:
    written = unpack(io.BytesIO(content), "an archive", BACKBONE, folder)
    return {path.name.removeprefix(".part-"): path.read_bytes() for path in written}


FOLDS = {name.rpartition("/")[2]: content for name, content in GOOD.items()}


@pytest.mark.parametrize(
    "prefix", ["", "./", f"{OWN}/", f"2DNet/{OWN}/", f"./a/2DNet/{OWN}/", "any name/"]
)
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_the_folds_are_found_where_an_archive_may_have_them(tmp_path, prefix, mode):
    members = {f"{prefix}{name}": content for name, content in FOLDS.items()}
    members |= {"README": b"", f"._{checkpoint_name(0)}": b"", f"{prefix}log.txt": b""}
    assert take(packed(members, mode), tmp_path) == FOLDS
    assert len(list(tmp_path.iterdir())) == 5


def test_a_zip_does_as_well(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir(OWN)
        for name, content in GOOD.items():
            archive.writestr(name, content)
    assert take(buffer.getvalue(), tmp_path) == FOLDS


@pytest.mark.parametrize("evil", ["dots", "link", "device"])
def test_a_malicious_zip_writes_nothing(tmp_path, evil):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("../evil.pth" if evil == "dots" else f"{OWN}/evil.pth")
        info.create_system = 3
        kinds = {"link": stat.S_IFLNK, "device": stat.S_IFCHR, "dots": stat.S_IFREG}
        info.external_attr = (kinds[evil] | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
        for name, content in GOOD.items():
            archive.writestr(name, content)
    with pytest.raises(FetchError, match="refused"):
        take(buffer.getvalue(), tmp_path / "inside")
    assert list(tmp_path.iterdir()) == []


def test_an_uncompressed_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    # A checkpoint is a zip itself, and a tar may hold it at its end.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    members = dict.fromkeys(FOLDS, buffer.getvalue())
    assert take(packed(members, "w"), tmp_path) == members


@pytest.mark.parametrize("size", [0, 5, 20, 200, -1, -12])
@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2", "zip"])
def test_an_archive_that_is_cut_or_none(tmp_path, size, mode):
    big = {name: os.urandom(3000) for name in FOLDS}
    if mode == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in big.items():
                archive.writestr(name, content)
        content = buffer.getvalue()
    else:
        content = packed(big, mode)
    with pytest.raises(FetchError, match="damaged"):
        take(content[:size], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_an_archive_with_flipped_bits(tmp_path, mode):
    content = bytearray(packed({name: os.urandom(3000) for name in FOLDS}, mode))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(FetchError, match="damaged"):
        take(bytes(content), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_text_is_no_archive(tmp_path):
    for content in (b"<html>" * 500, lzma.compress(b"x" * 5000)):
        with pytest.raises(FetchError, match="damaged, or the file is not an archive"):
            take(content, tmp_path)


def test_an_archive_without_checkpoints(tmp_path):
    with pytest.raises(FetchError, match=r"holds no model_epoch_best_0\.pth"):
        take(packed({"README": b""}), tmp_path)


def test_a_link_that_stands_in_the_way_is_not_followed(tmp_path):
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_bytes(b"untouched")
    folder.mkdir()
    (folder / f".part-{checkpoint_name(0)}").symlink_to(victim)
    assert take(packed(GOOD), folder) == FOLDS
    assert victim.read_bytes() == b"untouched"


def test_a_member_that_states_more_than_there_is_room_for(tmp_path):
    huge = tarfile.TarInfo(f"{OWN}/{checkpoint_name(0)}")
    huge.size = 10**15
    content = io.BytesIO()
    content.write(huge.tobuf(tarfile.PAX_FORMAT) + bytes(10240))
    with pytest.raises(FetchError, match="damaged|disk is full"):
        take(content.getvalue(), tmp_path)
    assert list(tmp_path.iterdir()) == []
