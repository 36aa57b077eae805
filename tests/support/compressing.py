"""DICOM files in every encoding that CT comes in, by encoders that the product does not have."""

import io
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)


def _jpeg(**options: Any) -> Callable[[np.ndarray], bytes]:
    return lambda pixels: imagecodecs.jpeg8_encode(pixels, **options)


NATIVE = {
    "raw explicit": ExplicitVRLittleEndian,
    "raw implicit": ImplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
COMPRESSED: dict[str, tuple[Any, Callable[[np.ndarray], bytes] | None]] = {
    "RLE": (RLELossless, None),
    "JPEG lossless SV1": (JPEGLosslessSV1, _jpeg(bitspersample=16, lossless=True, predictor=1)),
    "JPEG lossless SV4": (JPEGLossless, _jpeg(bitspersample=16, lossless=True, predictor=4)),
    "JPEG-LS": (JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000": (
        JPEG2000Lossless,
        lambda pixels: imagecodecs.jpeg2k_encode(
            pixels, level=0, codecformat="J2K", reversible=True
        ),
    ),
    "JPEG 12 bit": (JPEGExtended12Bit, _jpeg(bitspersample=12, level=95)),
}
KINDS = (*NATIVE, *COMPRESSED)
LOSSY = {"JPEG 12 bit": 8}
"""Largest difference from the uncompressed values, for the kinds that have one."""


def unsigned(ds: Dataset) -> Dataset:
    """Give a slice of the phantom 12 bits without sign, as scanners write them."""
    stored = ds.pixel_array.astype(np.uint16)
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
    ds.PixelData = stored.tobytes()
    return ds


def as_kind(ds: Dataset, kind: str, frame: bytes | None = None) -> bytes:
    """Return the file of an uncompressed slice in another encoding; with a frame of one's own."""
    ds = pydicom.dcmread(io.BytesIO(written(ds)))
    if kind in NATIVE:
        ds.file_meta.TransferSyntaxUID = NATIVE[kind]
        return written(ds)
    syntax, encode = COMPRESSED[kind]
    if encode is None:
        ds.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
        return written(ds)
    ds.PixelData = encapsulate([frame or encode(ds.pixel_array)])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta.TransferSyntaxUID = syntax
    return written(ds)


def written(ds: Dataset) -> bytes:
    """Return a data set as a file."""
    buffer = io.BytesIO()
    syntax = ds.file_meta.TransferSyntaxUID
    implicit = syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(buffer, ds, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return buffer.getvalue()
