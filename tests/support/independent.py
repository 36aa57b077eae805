"""Decode a DICOM file by other decoders than the product's: ``python -m independent``."""

import io
import pickle
import struct

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from ich_resources.children import serve

_LOSSLESS = (imagecodecs.jpeg8_decode, imagecodecs.ljpeg_decode, imagecodecs.jpegsof3_decode)
_DECODERS = {
    JPEGLosslessSV1: _LOSSLESS,
    JPEGLossless: _LOSSLESS,
    JPEGLSLossless: (imagecodecs.jpegls_decode,),
    JPEG2000Lossless: (imagecodecs.jpeg2k_decode,),
    JPEGExtended12Bit: (imagecodecs.jpeg8_decode,),
}


def hounsfield(content: bytes) -> list[np.ndarray | str]:
    """Return what each decoder makes of a file, in HU, or the class of its error."""
    try:
        magic = content[:200].find(b"DICM")  # a fault may have moved it
        ds = pydicom.dcmread(io.BytesIO(bytes(128) + content[magic:]), force=True)
        named = [uid for uid in (*_DECODERS, RLELossless) if uid.encode() in content[:600]]
        slope, intercept = (float(ds.get(k, d)) for k, d in _RESCALE.items())
        found = _stored(ds, max(named, key=len, default=""))
    except Exception as err:  # noqa: BLE001 (whatever it says of damaged bytes)
        return [type(err).__name__]
    return [x if isinstance(x, str) else x.astype(float) * slope + intercept for x in found]


_RESCALE = {"RescaleSlope": 1, "RescaleIntercept": 0}


def _stored(ds: Dataset, syntax: str) -> list[np.ndarray | str]:
    shape, kind = (ds.Rows, ds.Columns), f"{'ui'[ds.PixelRepresentation]}{ds.BitsAllocated // 8}"
    if not ds["PixelData"].is_undefined_length:
        count = ds.Rows * ds.Columns
        return [_extended(np.frombuffer(ds.PixelData, f"<{kind}", count), ds)]
    fragments = list(generate_fragments(ds.PixelData))
    frame = b"".join(fragments[1:])
    if syntax == RLELossless:
        return [_extended(_rle(frame, ds).view(kind), ds)]
    found: list[np.ndarray | str] = []
    for decode in _DECODERS[syntax]:
        try:
            pixels = decode(frame)
            if pixels.shape != shape:
                raise ValueError(f"{pixels.shape} is not {shape}")
            found.append(_extended(pixels, ds))
        except Exception as err:  # noqa: BLE001
            found.append(type(err).__name__)
    return found


def _rle(frame: bytes, ds: Dataset) -> np.ndarray:
    number, *offsets = struct.unpack("<16L", frame[:64])
    ends = [*offsets[1:number], len(frame)]
    planes = [
        np.frombuffer(imagecodecs.packbits_decode(frame[a:z]), np.uint8)[: ds.Rows * ds.Columns]
        for a, z in zip(offsets[:number], ends, strict=True)
    ]
    whole = np.stack(planes[::-1], -1)  # the first segment is the high byte
    return whole.reshape(ds.Rows, ds.Columns, number)


def _extended(pixels: np.ndarray, ds: Dataset) -> np.ndarray:
    """Keep BitsStored bits: those above are not image (DICOM PS3.5, section 8.1.1)."""
    values = pixels.reshape(ds.Rows, ds.Columns).astype(np.int64) & (1 << ds.BitsStored) - 1
    if not ds.PixelRepresentation:
        return values
    return np.where(values >> ds.BitsStored - 1, values - (1 << ds.BitsStored), values)


if __name__ == "__main__":
    serve(lambda content: pickle.dumps(hounsfield(content)), seconds=20)
