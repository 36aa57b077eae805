"""From the stored values of a slice to HU: known defects, padding, rescale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ich_resources.dicom.header import Header

Stored = npt.NDArray[Any]
"""Integers."""

WRAPPED_AIR = 3072
"""From here on a value of 12 bits that hold HU is negative: 12-bit CT has -1024 to 3071 HU."""
WRAPPED_AT = 4096
"""The number of values of 12 bits."""
NEAR_ZERO = -500.0
"""With an intercept above this, in HU, stored values that are not negative hold no air."""
LOWEST_OFFSET = -1100.0
"""With an intercept above this, in HU, values of the upper half of 16 bits lie above all metal."""
PADDING_SHARE = 0.05
"""One value in this share of a slice is padding, where it cannot be air."""
PADDING_FROM = 200
"""Values from here on are not air and not brain, where stored values are HU."""
CUT_PADDING_SHARE = 0.01
"""A padding value that the decoder has cut to BitsStored counts in at least this share of a slice,
since bone may have the same value."""


@dataclass(frozen=True)
class Mending:
    """Which known defects are mended.

    Attributes
    ----------
    wrapped_12bit : bool
        HU that were wrapped to 12 bits and labelled unsigned.
    signed : bool
        Signed values that are labelled unsigned.
    """

    wrapped_12bit: bool = False
    signed: bool = False


NOTHING_MENDED = Mending()
"""The default."""


def mended(stored: Stored, header: Header, mending: Mending) -> tuple[Stored, str]:
    """Return stored values without the defects that are to be mended, and what was mended.

    A slice without the defect is returned as it is.

    Parameters
    ----------
    stored : integer array, shape (H, W)
        Stored values, as decoded.
    header : Header
        Header of the slice.
    mending : Mending
        The defects to mend.

    Returns
    -------
    values : integer array, shape (H, W)
        Stored values.
    defect : str
        What was mended, for people; empty if nothing was.
    """
    if header.pixel_representation != 0 or mending == NOTHING_MENDED:
        return stored, ""
    _, intercept = header.rescale
    bits = header.bits_stored or 16
    if mending.wrapped_12bit and intercept > NEAR_ZERO and stored.max() < WRAPPED_AT:
        wrapped = stored >= WRAPPED_AIR
        if wrapped.any():
            return _lowered(stored, wrapped | _wrapped_padding(stored), WRAPPED_AT), "12 bits"
    half = 2 ** (bits - 1)
    if mending.signed and intercept > (LOWEST_OFFSET if bits == 16 else NEAR_ZERO):
        negative = stored >= half
        if negative.any():
            return _lowered(stored, negative, 2 * half), "signed values"
    return stored, ""


def _lowered(stored: Stored, where: npt.NDArray[np.bool_], by: int) -> Stored:
    return np.where(where, stored.astype(np.int32) - by, stored)


def _wrapped_padding(stored: Stored) -> npt.NDArray[np.bool_]:
    """Return where a wrapped padding value stands, such as 2096 for -2000."""
    counts = np.bincount(stored.ravel(), minlength=WRAPPED_AT)
    counts[:PADDING_FROM] = 0
    return np.isin(stored, np.flatnonzero(counts >= PADDING_SHARE * stored.size))


def padding_mask(stored: Stored, header: Header) -> npt.NDArray[np.bool_] | None:
    """Return where a slice holds padding, None where it holds none.

    Parameters
    ----------
    stored : integer array, shape (H, W)
        Stored values, as decoded.
    header : Header
        Header of the slice: PixelPaddingValue, and PixelPaddingRangeLimit where the padding is a
        range of values.

    Returns
    -------
    bool array, shape (H, W), or None

    References
    ----------
    DICOM PS3.3 C.7.5.1.1.2.
    """
    if header.padding is None:
        return None
    limit = header.padding if header.padding_limit is None else header.padding_limit
    signed, bits = header.pixel_representation == 1, header.bits_stored or 16
    ends = sorted(_in_bits(value, 16, signed=signed) for value in (header.padding, limit))
    mask = (stored >= ends[0]) & (stored <= ends[1])
    if ends[0] == ends[1]:
        cut = stored == _in_bits(ends[0], bits, signed=signed)
        if cut.mean() >= CUT_PADDING_SHARE:
            mask |= cut
    return mask if mask.any() else None


def _in_bits(value: int, bits: int, *, signed: bool) -> int:
    """Return what a value is, read from some bits. The value may be of the other sign by its VR."""
    value %= 2**bits
    return value - 2**bits if signed and value >= 2 ** (bits - 1) else value


def rescaled(
    stored: Stored, header: Header, padding: npt.NDArray[np.bool_] | None, lowest: float
) -> npt.NDArray[np.float64]:
    """Return HU, with padding at most at the lower end of the window.

    Parameters
    ----------
    stored : integer array, shape (H, W)
        Stored values.
    header : Header
        Header of the slice.
    padding : bool array, shape (H, W), or None
        Where the slice holds padding.
    lowest : float
        Lower end of the window, in HU.

    Returns
    -------
    float64 array, shape (H, W)
        stored value * RescaleSlope + RescaleIntercept, in HU. Padding below the window stays, so
        that the window cuts it as any other value (docs/reference.md, section 1).

    References
    ----------
    DICOM PS3.3 C.11.1.1.2 (rescale).
    """
    slope, intercept = header.rescale
    hu = stored.astype(np.float64) * slope + intercept
    if padding is not None:
        hu[padding & (hu > lowest)] = lowest
    return hu
