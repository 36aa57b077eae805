"""The threshold on P(any) of a run: a number, or the file of an evaluation that fits the run."""

from pathlib import Path

from ich_assets.resources import SeriesResources
from ich_assets.sequence_models import sequence_digests, shown_calibration
from ich_resources.errors import IchError
from ich_resources.judged_files import (
    read_threshold,
    require_calibration,
    require_checkpoints,
)
from ich_resources.storage.flagging import Flagging


def flagging(resources: SeriesResources) -> Flagging | None:
    """Return what flags a series, None where no threshold is set.

    Parameters
    ----------
    resources : SeriesResources
        ``results`` with the threshold; ``networks`` with checkpoints and calibration.

    Raises
    ------
    IchError
        If the threshold is not a number from 0 to 1, or its file cannot be read, or was made for
        other checkpoints, for another calibration, for sequence models or for slices.
    """
    given = resources.results.given
    if given is None or isinstance(given, float):
        return None if given is None else Flagging(given)
    return _of_file(given, resources)


def _of_file(path: Path, resources: SeriesResources) -> Flagging:
    threshold = read_threshold(path)
    require_checkpoints(threshold, resources.networks.used_checkpoints(), path)
    require_calibration(threshold, shown_calibration(resources.networks), path)
    sequence = sequence_digests(resources.networks)
    if threshold.sequence != sequence or threshold.level == "slice":
        what = "slices" if threshold.level == "slice" else "sequence models"
        what = "other networks" if sequence and threshold.level != "slice" else what
        flagged = "sequence models" if sequence else "2D ensemble"
        raise IchError(
            f"the threshold was chosen for {what}, and series of the {flagged} are flagged",
            path=path,
            remedy=f"choose a threshold by series or by study for the {flagged} (ich_evaluate)",
        )
    return Flagging(threshold.threshold, threshold)
