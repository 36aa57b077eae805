"""The sequence models of a run: their checkpoints, checked against the chosen 2D checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ich_resources.backbones.views import FIXED_VIEWS, View
from ich_resources.errors import CheckpointError
from ich_resources.inference.resource import NetworksResource
from ich_resources.judged import Calibration
from ich_resources.sequence.about import SequenceAbout
from ich_resources.sequence.checkpoint import (
    SequenceFile,
    find_sequence,
    load_sequence,
    require_fits_together,
)

if TYPE_CHECKING:
    from ich_resources.sequence.network import SequenceNetwork


@dataclass(frozen=True)
class SequenceModels:
    """The sequence models that a run uses.

    Attributes
    ----------
    files : tuple of SequenceFile
        The checkpoints, in order.
    abouts : tuple of SequenceAbout
        What each says about itself.
    """

    files: tuple[SequenceFile, ...]
    abouts: tuple[SequenceAbout, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of the checkpoints, in order."""
        return tuple(file.digest for file in self.files)

    @property
    def views_name(self) -> str:
        """The views that the 2D networks show, as the checkpoints name them."""
        return self.abouts[0].views

    @property
    def views(self) -> Sequence[View]:
        """These views; the first one is that of the ensemble."""
        return FIXED_VIEWS[self.views_name]

    def networks(self, device: str) -> "list[SequenceNetwork]":
        """Return the networks, ready to run."""
        return [load_sequence(file, device)[1] for file in self.files]


def sequence_models(networks: NetworksResource) -> SequenceModels | None:
    """Return the sequence models of a run, None where they are off.

    Parameters
    ----------
    networks : NetworksResource
        The switch, the model folder and the chosen 2D checkpoints.

    Raises
    ------
    CheckpointError
        If a checkpoint is missing or damaged, the folds do not belong together, or they were
        trained on other 2D checkpoints than the chosen ones.
    """
    if networks.sequence == "off":
        return None
    files = find_sequence(networks.folder)
    abouts = [load_sequence(file, "cpu")[0] for file in files]
    folder = files[0].path.parent
    require_fits_together(abouts, networks.used_checkpoints(), folder)
    if abouts[0].views not in FIXED_VIEWS:
        raise CheckpointError(
            f"the sequence models were trained on the views {abouts[0].views}, and scoring knows "
            f"{', '.join(FIXED_VIEWS)}",
            path=folder,
            remedy="train them on predictions with training.tta: four, or set networks.sequence "
            "to off",
        )
    return SequenceModels(tuple(files), tuple(abouts))


def sequence_digests(networks: NetworksResource) -> tuple[str, ...]:
    """Return the SHA-256 of the sequence checkpoints; empty where they are off."""
    models = sequence_models(networks)
    return () if models is None else models.digests


def shown_calibration(networks: NetworksResource) -> Calibration | None:
    """Return the calibration of the probabilities that the tables show, None where none is set.

    Parameters
    ----------
    networks : NetworksResource
        Calibration, checkpoints, and whether the sequence models are on.

    Raises
    ------
    IchError
        If it does not fit what the tables show.
    """
    return networks.used_calibration(sequence_digests(networks))


def ensemble_calibration(networks: NetworksResource) -> Calibration | None:
    """Return the calibration of the ensemble; None where the sequence models are on."""
    return None if networks.sequence == "on" else networks.used_calibration()
