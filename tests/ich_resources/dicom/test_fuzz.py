"""Files with damage at random: each gets a code, or the pixels that other decoders find in it."""

import io
import os
import pickle
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import compressing
import numpy as np
import pydicom
import pytest
from compressing import KINDS, as_kind, written
from ledgers import scan

from ich_resources.children import Children
from ich_resources.demo.study import write_series
from ich_resources.dicom.limits import SECONDS
from ich_resources.dicom.reading import read_series
from ich_resources.reasons import Reason
from ich_resources.series_images import HuSlice

SEED = 20261126
FILES_OF_A_KIND = 64


def damage(content: bytes, chance: random.Random) -> bytes:
    """Return a copy with one fault, in the header as often as in the pixels."""
    changed = bytearray(content)
    pixels = max(content.find(b"\xe0\x7f\x10\x00"), 600)
    at = chance.randrange(pixels) if chance.random() < 0.5 else chance.randrange(len(content))
    kind = chance.choice(("flip", "flip", "flip", "byte", "zero", "cut", "insert", "delete"))
    if kind == "flip":
        changed[at] ^= 1 << chance.randrange(8)
    elif kind == "byte":
        changed[at] = chance.choice((0, 0x7F, 0x80, 0xFF))
    elif kind == "zero":
        changed[at : at + 8] = bytes(len(changed[at : at + 8]))
    elif kind == "cut":
        del changed[max(at, 200) :]
    elif kind == "insert":
        changed[at:at] = chance.randbytes(4)
    else:
        del changed[at : at + chance.randrange(1, 5)]
    return bytes(changed)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> dict[str, bytes]:
    """Contents by name, each a series of its own; the name begins with the kind."""
    (path,) = write_series(
        tmp_path_factory.mktemp("whole"), name="head", slices=1, bleed=True, size=64
    )
    ds = compressing.unsigned(pydicom.dcmread(path))
    files, chance = {}, random.Random(SEED)
    for kind in KINDS:
        whole = pydicom.dcmread(io.BytesIO(as_kind(ds, kind)))  # encoded once
        for number in range(FILES_OF_A_KIND):
            uid = f"1.2.{KINDS.index(kind)}.{number}"
            whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = f"{uid}.1"
            whole.SeriesInstanceUID = f"{uid}.2"
            files[f"{kind} {number:03d}"] = damage(written(whole), chance)
    return files


@pytest.fixture(scope="module")
def other_decoders(pytestconfig) -> Iterator[Children]:
    paths = [pytestconfig.rootpath / "tests" / "support", pytestconfig.rootpath]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
        yield Children("independent")


def read_all(folder: Path) -> dict[str, np.ndarray | Reason | None]:
    """Return the HU or the code of each file that the ledger holds; None for a refused series."""
    ledger = scan(folder)
    found: dict[str, np.ndarray | Reason | None] = {
        file.path: file.judgement.code for file in ledger.unassigned
    }
    for series in ledger.series:
        for record in series.slices:
            found[record.path] = record.judgement.code if record.judgement else None
        for item in read_series(series, folder):
            if isinstance(item, HuSlice):
                found[item.record.path] = item.hu
            else:
                found[item.path] = item.judgement.code
    assert ledger.files_seen - ledger.files_not_dicom == len(found)
    return found


def compare(found: np.ndarray, others: list[np.ndarray | str]) -> str:
    """Return whether the other decoders agree: ``pixels``, ``disputed`` or ``wrong``."""
    same = [
        not isinstance(o, str) and o.shape == found.shape and np.abs(o - found).max() <= 2
        for o in others
    ]
    if all(same):
        return "pixels"
    return "disputed" if len({*same}) == 2 else "wrong"


def test_damaged_files_get_a_code_or_their_true_pixels(
    damaged, other_decoders, tmp_path, record_property
):
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
    memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    found = read_all(tmp_path)
    assert time.monotonic() - began < 4 * SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200 * 1024  # KB
    assert set(damaged) == set(found), "a file stands in no table"
    outcomes: Counter[str] = Counter()
    names: dict[str, list[str]] = {}
    for name, result in found.items():
        outcome = "code"
        if isinstance(result, np.ndarray):
            try:
                others = pickle.loads(other_decoders.ask(damaged[name]))
            except (EOFError, TimeoutError) as err:
                others = [type(err).__name__]
            outcome = compare(result, others)
        outcomes[outcome] += 1
        names.setdefault(outcome, []).append(f"{name}: {'' if outcome == 'code' else others}"[:400])
    for entry in names.get("disputed", []):
        record_property("disputed", entry)
    assert not names.get("wrong"), names["wrong"]
    assert len(damaged) >= 500
    assert outcomes["code"] >= 50 and outcomes["pixels"] >= 50
    assert outcomes["disputed"] <= 0.02 * len(damaged), names["disputed"]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_give_the_same_pixels_everywhere(kind, one, other_decoders):
    """Without damage: the encoders, the product and the other decoders agree."""
    ds = compressing.unsigned(pydicom.dcmread(one))
    expected = ds.pixel_array.astype(float) - 1024
    one.write_bytes(as_kind(ds, kind))
    (found,) = read_all(one.parent).values()
    assert isinstance(found, np.ndarray), found
    assert np.abs(found - expected).max() <= compressing.LOSSY.get(kind, 0)
    assert compare(found, pickle.loads(other_decoders.ask(one.read_bytes()))) == "pixels"
