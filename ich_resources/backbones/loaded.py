"""One fold of a backbone with its weights, ready to run."""

from dataclasses import dataclass

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.heads import Network
from ich_resources.backbones.table import Precision
from ich_resources.worth import TrainedOn


@dataclass(frozen=True)
class LoadedFold:
    """One fold, ready to run.

    Attributes
    ----------
    file : CheckpointFile
        Where the weights came from.
    network : Network
        In evaluation mode, without parameter gradients, on its device; float32, or rounded as
        ``precision`` says.
    untrained : bool
        Whether the checkpoint is marked as a stand-in.
    precision : {"float32", "tf32", "bfloat16", "float16"}
        Arithmetic of its passes.
    """

    file: CheckpointFile
    network: Network
    untrained: bool
    precision: Precision = "float32"

    @property
    def trained_on(self) -> TrainedOn:
        """What its numbers are worth."""
        if self.untrained:
            return "nothing"
        return "patients" if self.file.trained is None else self.file.trained.trained_on
