"""Checkpoints that say they were trained: the stand-ins' weights, with the part ``ich``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.recipe_in_file import PART, Trained
from ich_resources.backbones.state_dict import read_state_dict
from ich_resources.backbones.study_hashes import study_hash, study_salt
from ich_resources.backbones.table import BACKBONES, checkpoint_name

SALT = study_salt(b"the key of a TRAIN_ROOT")


def trained(**changes: Any) -> Trained:
    """Return what fold 0 of DenseNet121 says: trained on phantoms of 96 px with neighbours."""
    fields = {
        "backbone": "DenseNet121_change_avg",
        "fold": 0,
        "input_size": 96,
        "slice_context": "adjacent",
        "trained_on": "phantoms",
        "salt": SALT,
        "studies": {study_hash(SALT, "1.1"): 0, study_hash(SALT, "1.2"): 1},
        "recipe": {"epochs": 8, "betas": [0.9, 0.999]},
        "labels": "0" * 64,
        "init": "random",
        "weighted_log_loss": 0.25,
        "versions": {"torch": "2"},
    }
    return Trained(**fields | changes)


def save(path: Path, weights: Mapping[str, torch.Tensor], about: Mapping[str, Any]) -> None:
    """Write a checkpoint as a training does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"epoch": 8, "state_dict": dict(weights), "valLoss": 0.25, PART: dict(about)}
    torch.save(content, path)


def write_trained(folder: Path, stand_ins: Path, **changes: Any) -> Path:
    """Write fold 0 of every backbone with the weights of the stand-ins; return the folder."""
    for backbone in BACKBONES.values():
        weights, _ = read_state_dict(find_checkpoint(stand_ins, backbone, 0).path)
        about = trained(backbone=backbone.name, **changes).to_plain()
        save(folder / backbone.folder / checkpoint_name(0), weights, about)
    return folder
