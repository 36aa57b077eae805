"""The calibration of the ensemble: one file, bound to the checkpoints that it was made for."""

from pathlib import Path

from ich_resources.errors import IchError
from ich_resources.judged import Calibration, Checkpoints
from ich_resources.judged_files import read_calibration, require_checkpoints


def calibration_for(path: Path, used: Checkpoints, sequence: tuple[str, ...] = ()) -> Calibration:
    """Read a calibration, and check that it fits what these checkpoints give.

    Parameters
    ----------
    path : Path
        ``calibration.json``.
    used : mapping of str to tuple of str
        SHA-256 of each fold in order, by backbone.
    sequence : tuple of str
        SHA-256 of each sequence checkpoint in order; empty for the mean over backbones.

    Raises
    ------
    IchError
        If the file cannot be read, was made for other checkpoints or sequence models, or was not
        fitted on slices.
    """
    calibration = read_calibration(path)
    require_checkpoints(calibration, used, path)
    if calibration.sequence and not sequence:
        raise IchError(
            "the calibration was made for sequence models, and the 2D ensemble is used",
            path=path,
            remedy="make a calibration for the ensemble (ich_evaluate)",
        )
    if calibration.sequence != sequence:
        raise IchError(
            "the calibration was made for other networks than the sequence models that are used",
            path=path,
            remedy="make a calibration for these sequence models (ich_evaluate)",
        )
    if calibration.level != "slice":
        raise IchError(
            f"the calibration was fitted by {calibration.level}, and slices are calibrated",
            path=path,
            remedy="make a calibration by slice (ich_evaluate)",
        )
    return calibration
