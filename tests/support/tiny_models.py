"""A model folder whose networks look at 64 x 64 pixels, and sequence models on top of them."""

from pathlib import Path

import torch

from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.table import BACKBONES, FOLDS, checkpoint_name
from ich_resources.digests import file_sha256
from ich_resources.sequence.about import SequenceAbout
from ich_resources.sequence.checkpoint import checkpoint_bytes
from ich_resources.sequence.network import SequenceNetwork
from ich_resources.sequence.recipe import SequenceRecipe
from ich_resources.sequence.results import SequenceEpoch, TrainedSequence


def write_tiny(folder: Path, stand_ins: Path) -> None:
    """Write fold 0 of each backbone: a stand-in that says it was trained at 64 pixels."""
    for backbone in BACKBONES.values():
        content = torch.load(stand_ins / backbone.folder / checkpoint_name(0), weights_only=True)
        trained = Trained(
            backbone=backbone.name,
            fold=0,
            input_size=64,
            slice_context="adjacent",
            trained_on="phantoms",
            salt="0" * 32,
            studies={},
            recipe={},
            labels="",
            init="random",
            weighted_log_loss=0.5,
            versions={},
        )
        path = folder / backbone.folder / checkpoint_name(0)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"state_dict": content["state_dict"], "ich": trained.to_plain()}, path)


def write_sequence_models(folder: Path, *, views: str = "four", folds: int = 1) -> None:
    """Write five sequence models with random weights, for the 2D checkpoints of the folder."""
    digests = {
        backbone.name: tuple(
            file_sha256(folder / backbone.folder / checkpoint_name(fold)) for fold in range(folds)
        )
        for backbone in BACKBONES.values()
    }
    for fold in range(FOLDS):
        torch.manual_seed(fold)
        network = SequenceNetwork(len(BACKBONES))
        about = SequenceAbout(
            fold=fold,
            backbones=tuple(BACKBONES),
            widths=tuple(backbone.feature_width for backbone in BACKBONES.values()),
            checkpoints=digests,
            views=views,
            sequence_features="each",
            trained_on="phantoms",
            recipe=SequenceRecipe(fold).to_plain(),
            oof_table="",
            head1=0.5,
            head2=0.4,
            versions={},
        )
        epoch = SequenceEpoch(0, 3e-4, 1.0, 1.0, 0.5, 0.4)
        trained = TrainedSequence(network.state_dict(), epoch, (epoch,), "cpu")
        path = folder / "SequenceModel" / f"fold_{fold}.pt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(checkpoint_bytes(trained, about))
