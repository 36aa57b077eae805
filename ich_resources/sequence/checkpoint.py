"""Sequence checkpoints, ``SequenceModel/fold_<k>.pt``: written, found, read without code."""

import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ich_resources.backbones.checkpoint_digests import digest_file, known_digests
from ich_resources.backbones.table import FOLDS
from ich_resources.errors import CheckpointError
from ich_resources.sequence.about import SequenceAbout

if TYPE_CHECKING:
    import torch

    from ich_resources.sequence.network import SequenceNetwork
    from ich_resources.sequence.results import TrainedSequence

FOLDER = "SequenceModel"
_REMEDY = "train the sequence models (ich_sequence), or set networks.sequence to off"
_READ: "dict[tuple[str, str, str], tuple[SequenceAbout, SequenceNetwork]]" = {}
_READING = threading.Lock()


@dataclass(frozen=True)
class SequenceFile:
    """One fold on disk.

    Attributes
    ----------
    path : Path
        The file.
    digest : str
        SHA-256 of its bytes, hexadecimal.
    """

    path: Path
    digest: str


def checkpoint_bytes(trained: "TrainedSequence", about: SequenceAbout) -> bytes:
    """Return the bytes of a checkpoint: weights, loss and what it says about itself."""
    import torch

    content = {
        "epoch": trained.kept.epoch + 1,
        "state_dict": trained.weights,
        "valLoss": trained.kept.head2,
        "ich": about.to_plain(),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def find_sequence(model_dir: Path) -> list[SequenceFile]:
    """Find and digest the five folds; importable without torch.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet`` and ``SequenceModel``.

    Raises
    ------
    CheckpointError
        If one is missing or unreadable, or its digest is not the expected one.
    """
    names = [f"{FOLDER}/fold_{fold}.pt" for fold in range(FOLDS)]
    missing = [name for name in names if not (model_dir / name).is_file()]
    if missing:
        raise CheckpointError(
            f"sequence checkpoint missing: {', '.join(missing)}", path=model_dir, remedy=_REMEDY
        )
    known, found = known_digests(model_dir), []
    for name in names:
        digest = digest_file(model_dir / name)
        if known.get(name, digest) != digest:
            raise CheckpointError(
                f"SHA-256 is {digest[:12]}..., checkpoints.sha256 says {known[name][:12]}...",
                path=model_dir / name,
                remedy="put the right file there: it is damaged or another one",
            )
        found.append(SequenceFile(model_dir / name, digest))
    return found


def load_sequence(
    file: SequenceFile, device: "torch.device | str"
) -> "tuple[SequenceAbout, SequenceNetwork]":
    """Return what a checkpoint says about itself, and its network, ready to run.

    A process reads each file once.

    Raises
    ------
    CheckpointError
        If the file is damaged, does not fit the network, or is another than was digested.
    FormatError
        If a newer version of ich wrote it.
    """
    key = str(file.path), file.digest, str(device)
    with _READING:
        if key not in _READ:
            _READ[key] = _load(file, device)
        return _READ[key]


def _load(
    file: SequenceFile, device: "torch.device | str"
) -> "tuple[SequenceAbout, SequenceNetwork]":
    import torch

    from ich_resources.sequence.network import SequenceNetwork

    try:
        content = torch.load(file.path, map_location="cpu", weights_only=True)
        part, weights = content["ich"], content["state_dict"]
    except Exception as err:  # torch lets many kinds through for a damaged file
        raise CheckpointError(
            "the sequence checkpoint is damaged, or holds more than weights and plain values "
            "(pickled code is never run)",
            path=file.path,
            remedy=_REMEDY,
        ) from err
    if digest_file(file.path) != file.digest:
        raise CheckpointError(
            "the sequence checkpoint was replaced since it was digested",
            path=file.path,
            remedy="start again when no process writes into the model folder",
        )
    about = SequenceAbout.from_plain(part, file.path)
    with torch.device("meta"):
        network = SequenceNetwork(len(about.backbones))
    _require_fit(network.state_dict(), weights, file.path)
    network.load_state_dict(weights, strict=True, assign=True)
    return about, network.float().eval().requires_grad_(False).to(device)


def _require_fit(
    expected: "Mapping[str, torch.Tensor]", weights: "Mapping[str, torch.Tensor]", path: Path
) -> None:
    """Check that weights are exactly those of the network, and finite.

    Raises
    ------
    CheckpointError
        With the first keys that do not fit.
    """
    import torch

    wrong = sorted(expected.keys() ^ weights.keys())
    for key in expected.keys() & weights.keys():
        value = weights[key]
        fits = isinstance(value, torch.Tensor) and value.shape == expected[key].shape
        if not fits or not value.isfinite().all():
            wrong.append(key)
    if wrong:
        raise CheckpointError(
            f"the sequence checkpoint does not fit its network: {len(wrong)} keys "
            f"({', '.join(sorted(wrong)[:3])})",
            path=path,
            remedy=_REMEDY,
        )


def require_fits_together(
    abouts: Sequence[SequenceAbout], chosen: Mapping[str, Sequence[str]], path: Path
) -> None:
    """Check that sequence checkpoints belong together, and to the 2D checkpoints that are chosen.

    Parameters
    ----------
    abouts : sequence of SequenceAbout
        Of the five folds, in order.
    chosen : mapping of str to sequence of str
        SHA-256 of the chosen 2D checkpoints, in order, by backbone.
    path : Path
        Their folder, for the errors.

    Raises
    ------
    CheckpointError
        If they do not; it names both digests where a 2D checkpoint is another one.
    """
    first = abouts[0]
    for fold, about in enumerate(abouts):
        same = (about.backbones, about.checkpoints, about.views, about.sequence_features)
        if about.fold != fold or same != (
            first.backbones,
            first.checkpoints,
            first.views,
            first.sequence_features,
        ):
            raise CheckpointError(
                f"fold_{fold}.pt does not belong to fold_0.pt: another fold, other 2D networks or "
                "other views",
                path=path,
                remedy=_REMEDY,
            )
    missing = [name for name in first.backbones if name not in chosen]
    if missing or len(chosen) != len(first.backbones):
        raise CheckpointError(
            f"the sequence models were trained on {', '.join(first.backbones)}, and the chosen "
            f"backbones are {', '.join(chosen)}",
            path=path,
            remedy="choose these backbones, or set networks.sequence to off",
        )
    for name, digests in first.checkpoints.items():
        _require_same_files(name, digests, chosen[name], path)


def _require_same_files(
    name: str, expected: Sequence[str], found: Sequence[str], path: Path
) -> None:
    """Check that the chosen folds of a backbone are those that the sequence models know.

    Raises
    ------
    CheckpointError
        If they are not.
    """
    if len(found) != len(expected):
        raise CheckpointError(
            f"the sequence models were trained on {len(expected)} folds of {name}, and "
            f"{len(found)} are chosen",
            path=path,
            remedy="leave max_folds_per_backbone empty, or set networks.sequence to off",
        )
    for fold, (wanted, digest) in enumerate(zip(expected, found, strict=True)):
        if wanted != digest:
            raise CheckpointError(
                f"the sequence models were trained on another fold {fold} of {name}: SHA-256 "
                f"{wanted[:16]}..., and the chosen file has {digest[:16]}...",
                path=path,
                remedy="put the 2D checkpoints there that they were trained on, train the sequence "
                "models again (ich_sequence), or set networks.sequence to off",
            )
