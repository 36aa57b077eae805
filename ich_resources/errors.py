"""Errors of input, disk and devices. ``ValueError`` is for mistakes of the programmer.

::

    IchError
    ├── DicomError        a DICOM file, slice or series cannot be used
    ├── CheckpointError   a checkpoint file is missing, damaged or not the expected one
    ├── FetchError        released checkpoints cannot be fetched or unpacked
    ├── InferenceError    a device, a network pass or its result cannot be trusted
    ├── DatasetError      labels, patients, folds or training images cannot be used
    ├── SendError         results cannot be sent
    ├── FormatError       a newer version of ich wrote a file that this version cannot read
    └── StorageError      the run root cannot be read or written
"""

from pathlib import Path

from ich_resources.plain_text import one_line

DISK, DEVICE = "DISK", "DEVICE"
"""Codes of errors of a disk that cannot be written, and of a device that cannot be used."""
MACHINE_FAULTS = frozenset({"CheckpointError", "AcceleratorError", DISK, DEVICE})
"""Codes of failures that no series is to blame for; see ``inbox.faults``."""


class IchError(Exception):
    """An error with its place and a remedy.

    Parameters
    ----------
    message : str
        The fault, in one sentence.
    path : path-like, optional
        The file or folder concerned.
    series : str, optional
        SeriesInstanceUID concerned.
    remedy : str, optional
        What the reader can do.
    code : str, optional
        Machine-readable reason code.
    slices : tuple of dict, optional
        The slices behind it: path, sop_instance_uid, code, reason.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        series: str | None = None,
        remedy: str | None = None,
        code: str = "",
        slices: tuple[dict[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.series = series
        self.remedy = remedy
        self.code = code
        self.slices = slices

    def __str__(self) -> str:
        """One line: message, place, remedy."""
        text = self.message
        if self.path is not None:
            text += f" [{self.path}]"
        if self.series is not None:
            text += f" [series {self.series}]"
        if self.remedy:
            text += f" -> {self.remedy}"
        return one_line(text)


class DicomError(IchError):
    """A DICOM file, slice or series cannot be used."""


class CheckpointError(IchError):
    """A checkpoint file is missing, damaged or not the expected one."""


class FetchError(IchError):
    """Released checkpoints cannot be fetched or unpacked."""


class InferenceError(IchError):
    """A device, a network pass or its result cannot be trusted."""


class DatasetError(IchError):
    """Labels, patients, folds or training images cannot be used."""


class SendError(IchError):
    """Results cannot be sent to a destination."""


class FormatError(IchError):
    """A newer version of ich wrote a file that this version cannot read."""


class StorageError(IchError):
    """The run root cannot be read or written."""
