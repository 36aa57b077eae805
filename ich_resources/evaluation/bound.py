"""Calibration and threshold of an evaluation, bound to the networks that gave the probabilities."""

from ich_resources.errors import IchError
from ich_resources.evaluation.outcome import Evaluation
from ich_resources.judged import Calibration, Checkpoints, Threshold


def calibration_of(
    evaluation: Evaluation, checkpoints: Checkpoints, sequence: tuple[str, ...] = ()
) -> Calibration | None:
    """Return the fitted calibration, None where none was fitted.

    Parameters
    ----------
    evaluation : Evaluation
        With ``Options.fit``.
    checkpoints : mapping of str to tuple of str
        SHA-256 of each fold in order, by backbone.
    sequence : tuple of str
        SHA-256 of each sequence model; empty where the ensemble was judged.
    """
    fitted = evaluation.fitted
    if fitted is None:
        return None
    return Calibration(
        fitted.kind, fitted.classes, checkpoints, fitted.fitted_on, fitted.level, sequence
    )


def threshold_of(
    evaluation: Evaluation,
    checkpoints: Checkpoints,
    calibration: str | None,
    sequence: tuple[str, ...] = (),
) -> Threshold:
    """Return the threshold of the operating point.

    Parameters
    ----------
    evaluation : Evaluation
        With an operating point.
    checkpoints : mapping of str to tuple of str
        SHA-256 of each fold in order, by backbone.
    calibration : str or None
        ``judged.Calibration.sha256`` of the calibration that the probabilities have gone through.
    sequence : tuple of str
        SHA-256 of each sequence model; empty where the ensemble was judged.

    Raises
    ------
    IchError
        If no threshold could be chosen.
    """
    point = evaluation.point
    if point is None:
        raise IchError(
            "there is no threshold to write",
            remedy="give labels with bleeds and without, or set write_threshold to false",
        )
    return Threshold(
        point.threshold,
        point.rule,
        checkpoints,
        evaluation.chosen_on,
        calibration,
        evaluation.main,
        sequence,
    )
