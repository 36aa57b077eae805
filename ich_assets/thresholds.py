"""The threshold on P(any) of a run: a number, or the file of an evaluation that fits the run."""

from pathlib import Path

from ich_assets.resources import SeriesResources
from ich_assets.sequence_models import sequence_digests, shown_calibration
from ich_resources.errors import IchError
from ich_resources.inference.resource import NetworksResource
from ich_resources.judged_files import (
    read_threshold,
    require_calibration,
    require_checkpoints,
)
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.resource import ResultsResource


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
    return _flagging(resources.results, resources.networks)


def flagging_of(results: ResultsResource) -> Flagging | None:
    """Return what flags a series, without a look at the checkpoints of a run.

    A threshold of a file is applied to results of its own networks alone (``Flagging.fits``).

    Parameters
    ----------
    results : ResultsResource
        With the threshold.

    Raises
    ------
    IchError
        If the threshold is not a number from 0 to 1, or its file cannot be read.
    """
    given = results.given
    if given is None:
        return None
    if isinstance(given, float):
        return Flagging(given)
    threshold = read_threshold(given)
    return Flagging(threshold.threshold, threshold)


def panel_threshold(
    saliency: SaliencyResource, results: ResultsResource, networks: NetworksResource
) -> float | None:
    """Return the threshold that the panels of a run obey, None where they know none.

    Parameters
    ----------
    saliency : SaliencyResource
        Panels of the preset ``reference`` know no threshold.
    results, networks : ResultsResource, NetworksResource
        As for ``flagging``.

    Raises
    ------
    IchError
        As ``flagging``.
    """
    if saliency.preset == "reference":
        return None
    found = _flagging(results, networks)
    return None if found is None else found.threshold


def _flagging(results: ResultsResource, networks: NetworksResource) -> Flagging | None:
    given = results.given
    if given is None or isinstance(given, float):
        return None if given is None else Flagging(given)
    return _of_file(given, networks)


def _of_file(path: Path, networks: NetworksResource) -> Flagging:
    threshold = read_threshold(path)
    require_checkpoints(threshold, networks.used_checkpoints(), path)
    require_calibration(threshold, shown_calibration(networks), path)
    sequence = sequence_digests(networks)
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
