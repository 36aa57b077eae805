"""A frame that ends its decoder's process fails alone."""

import multiprocessing
import shutil
import subprocess

import numpy as np
import pydicom
from engines import engine_is_missing
from ledgers import scan
from pydicom.uid import JPEG2000Lossless

from ich_resources.demo.study import write_series
from ich_resources.dicom.decoding import decode
from ich_resources.dicom.reading import read_series
from ich_resources.reasons import Reason
from ich_resources.series import SliceRecord
from ich_resources.series_images import HuSlice


def test_a_crash_of_the_decoder_fails_one_slice(tmp_path):
    if shutil.which("dcmcjpeg") is None:
        engine_is_missing("no dcmcjpeg here: tests/hpc/install_dicom_tools.sh")
    paths = write_series(tmp_path, name="head", slices=6, bleed=True, size=64)
    (series,) = scan(tmp_path).series
    plain = {s.record.path: s.hu for s in read_series(series, tmp_path)}
    for path in paths:
        subprocess.run(["dcmcjpeg", "+e1", path, path], check=True)
    victim = paths[2]
    content = bytearray(victim.read_bytes())
    table = content.index(b"\xff\xc4", content.index(b"\xff\xd8"))  # the frame's Huffman table
    content[table + 1], content[table + 4] = 0x01, 0x71
    victim.write_bytes(content)
    (series,) = scan(tmp_path).series
    read = list(read_series(series, tmp_path, threads=3))
    (failed,) = [item for item in read if isinstance(item, SliceRecord)]
    assert failed.path == victim.name
    assert failed.judgement.code is Reason.DECODE_FAILED
    whole = [item for item in read if isinstance(item, HuSlice)]
    assert len(whole) == 5
    for item in whole:
        np.testing.assert_array_equal(item.hu, plain[item.record.path])


def test_a_process_that_has_decoded_can_end(tmp_path):
    """As Dagster's run worker: started by multiprocessing, not from a command line."""
    path = write_series(tmp_path, name="head", slices=1, bleed=True, size=64)[0]
    dataset = pydicom.dcmread(path)
    dataset.compress(JPEG2000Lossless)
    dataset.save_as(path)
    worker = multiprocessing.get_context("spawn").Process(
        target=decode, args=(path.read_bytes(), path)
    )
    worker.start()
    worker.join(60)
    alive = worker.is_alive()
    worker.kill()
    assert (alive, worker.exitcode) == (False, 0)
