"""Whether the compressions of DICOM that occur in CT can be read here."""

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from ich_resources.dicom.frames import plugin_for
from ich_resources.errors import DicomError

_SYNTAXES = (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    RLELossless,
)


def codecs() -> str:
    """Return how many compressions can be read.

    Raises
    ------
    DicomError
        If a library for one of them is missing.
    """
    missing = [
        syntax.name
        for syntax in _SYNTAXES
        if plugin_for(syntax) not in get_decoder(syntax).available_plugins
    ]
    if missing:
        raise DicomError(
            f"these compressions cannot be read: {', '.join(missing)}",
            remedy="make install, which installs python-gdcm",
        )
    return f"{len(_SYNTAXES)} compressions"
