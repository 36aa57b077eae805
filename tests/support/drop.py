"""Many small series that arrive together, with every fault that the ledger lists."""

from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEGLSLossless,
    LegacyConvertedEnhancedCTImageStorage,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)

from ich_resources.demo.study import uid, write_dose_report, write_localizer, write_series


def write_drop(folder: Path, number: int) -> dict[str, tuple[str, str]]:
    """Write a number of series. Each has its own study, and the kinds take turns.

    Returns
    -------
    dict
        State and reason code that each series must end with, by SeriesInstanceUID.
    """
    expected = {}
    for index in range(number):
        name = f"drop{index}"
        kind = list(_KINDS)[index % len(_KINDS)]
        make, state, code = _KINDS[kind]
        expected[make(folder / name, name)] = (state, code)
    return expected


def _changed(
    change: Callable[[list[Path]], None], *, slices: int = 3
) -> Callable[[Path, str], str]:
    def make(folder: Path, name: str) -> str:
        paths = write_series(folder, name=name, slices=slices, bleed=True, size=64, study=name)
        change(paths)
        return uid(name, name)

    return make


def _each(edit: Callable[[Dataset], None]) -> Callable[[list[Path]], None]:
    def change(paths: list[Path]) -> None:
        for path in paths:
            dataset = pydicom.dcmread(path)
            edit(dataset)
            dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
            dataset.save_as(path)

    return change


def _set(**values: object) -> Callable[[list[Path]], None]:
    def edit(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return _each(edit)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


# Start of a JPEG-LS frame of 64 x 64 pixels of 16 bits (ITU-T T.87, C.2.2).
_JPEG_LS_HEADER = bytes.fromhex("ffd8 fff7 000b 10 0040 0040 01 01 11 00")


def _spoil_pixels(dataset: Dataset) -> None:
    dataset.PixelData = pydicom.encaps.encapsulate([_JPEG_LS_HEADER + b"no picture"])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless


def _same_place(paths: list[Path]) -> None:
    position = pydicom.dcmread(paths[0]).ImagePositionPatient
    _set(ImagePositionPatient=position)(paths[1:2])


def _same_uid(paths: list[Path]) -> None:
    sop_uid = pydicom.dcmread(paths[0]).SOPInstanceUID
    _set(SOPInstanceUID=sop_uid)(paths[1:2])


def _localizer(folder: Path, name: str) -> str:
    write_localizer(folder, study=name)
    return uid(name, "localizer")


def _dose_report(folder: Path, name: str) -> str:
    write_dose_report(folder, study=name)
    return uid(name, "dose")


def _nothing(paths: list[Path]) -> None:
    """Leave the series as it is."""


def _remove_pixels(dataset: Dataset) -> None:
    del dataset.PixelData


_TILTED = [1, 0, 0, 0, 0.9397, -0.342]
_KINDS: dict[str, tuple[Callable[[Path, str], str], str, str]] = {
    "good": (_changed(_nothing), "done", ""),
    "localizer": (_localizer, "refused", "LOCALIZER"),
    "dose report": (_dose_report, "refused", "DOSE_REPORT"),
    "tilted": (_changed(_set(ImageOrientationPatient=_TILTED)), "done", "GANTRY_TILT"),
    "MR": (_changed(_set(Modality="MR", SOPClassUID=MRImageStorage)), "refused", "NOT_CT"),
    "one slice cut": (_changed(lambda paths: _cut(paths[1])), "incomplete", "BAD_HEADER"),
    "screenshot": (
        _changed(_set(SOPClassUID=SecondaryCaptureImageStorage)),
        "refused",
        "SECONDARY_CAPTURE",
    ),
    "enhanced": (
        _changed(_set(SOPClassUID=LegacyConvertedEnhancedCTImageStorage)),
        "refused",
        "MULTIFRAME",
    ),
    "bone": (_changed(_set(ConvolutionKernel="H60s")), "done", "BONE_KERNEL"),
    "two slices": (_changed(_nothing, slices=2), "refused", "TOO_FEW_SLICES"),
    "coronal": (
        _changed(_set(ImageOrientationPatient=[1, 0, 0, 0, 0, -1])),
        "refused",
        "NOT_AXIAL",
    ),
    "no pixels": (_changed(_each(_remove_pixels)), "failed", "NO_PIXELS"),
    "contrast": (_changed(_set(ContrastBolusAgent="Agent")), "done", "CONTRAST"),
    "gap": (_changed(lambda paths: paths[2].unlink(), slices=6), "done", "SLICE_GAP"),
    "spoilt pixels": (_changed(_each(_spoil_pixels)), "failed", "DECODE_FAILED"),
    "same place": (_changed(_same_place), "done", "DUPLICATE_POSITION"),
    "same UID": (_changed(_same_uid, slices=4), "incomplete", "DUPLICATE_UID"),
    "chest": (_changed(_set(BodyPartExamined="CHEST")), "done", "NOT_HEAD"),
    "derived": (_changed(_set(ImageType=["DERIVED", "PRIMARY", "AXIAL"])), "done", "DERIVED"),
    "two sizes": (
        _changed(lambda paths: _set(PixelSpacing=[1.0, 1.0])(paths[:1])),
        "done",
        "MIXED_GEOMETRY",
    ),
}
