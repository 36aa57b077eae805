"""The objects that are sent: exactly the bytes that their record names."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from ich_resources.digests import bytes_sha256
from ich_resources.errors import SendError
from ich_resources.uids import is_uid

_REMEDY = "run dicom_results of this series again"


@dataclass(frozen=True)
class Outgoing:
    """One object that is to be sent.

    Attributes
    ----------
    path : Path
        Its file.
    size : int
        Bytes of the file.
    sha256 : str
        Digest of the file, as its record has it.
    sop_class, sop_instance, transfer_syntax : str
        From the file meta information. Nothing else is read.
    """

    path: Path
    size: int
    sha256: str
    sop_class: str
    sop_instance: str
    transfer_syntax: str

    def content(self) -> bytes:
        """Return the bytes of the file.

        Raises
        ------
        SendError
            If they are not those of the record.
        """
        return _content(self.path, self.sha256)


def outgoing(path: Path, sha256: str) -> Outgoing:
    """Return a file of a record as an object to be sent.

    Parameters
    ----------
    path : Path
        A DICOM file.
    sha256 : str
        Its digest, as its record has it.

    Raises
    ------
    SendError
        If the file has other bytes, or does not say what it is.
    """
    content = _content(path, sha256)
    try:
        meta = read_partial(BytesIO(content), stop_when=_after_meta).file_meta
        names = (
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
        )
    except (InvalidDicomError, AttributeError, ValueError, OSError) as err:
        raise SendError("the file is not a DICOM object", path=path, remedy=_REMEDY) from err
    if not all(map(is_uid, names)):
        raise SendError("the file has a UID that is not one", path=path, remedy=_REMEDY)
    return Outgoing(path, len(content), sha256, *names)


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _content(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as err:
        raise SendError(
            f"the file cannot be read: {err.strerror}", path=path, remedy=_REMEDY
        ) from err
    if bytes_sha256(content) != sha256:
        raise SendError("the file is not the one that its record names", path=path, remedy=_REMEDY)
    return content
