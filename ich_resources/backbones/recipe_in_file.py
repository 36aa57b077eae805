"""What a checkpoint of our own training says about itself: its part ``ich``, format 1.

A released checkpoint has no such part. The studies are listed as hashes, and the salt is in the
file. So scoring can tell, without the key of TRAIN_ROOT, whether the network was trained on a
study. The hash is slow on purpose: identifiers have a form, and nobody shall find them by trying
all of them. PatientID is not listed, since scoring never reads it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ich_resources.backbones.study_hashes import study_hash
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.digests import fingerprint
from ich_resources.errors import CheckpointError, FormatError

PART = "ich"
"""Key of the part in the checkpoint."""
FORMAT = 1
MOST_VALUES = 2_000_000
"""Plain values that the part may hold; a study is two of them."""
_REMEDY = "train this fold again, or put the right file there"


@dataclass(frozen=True)
class Trained:
    """What a trained checkpoint says about itself.

    Attributes
    ----------
    backbone : str
        Its name in ``BACKBONES``.
    fold : int
        The fold that was held out, 0 to 4.
    input_size : int
        Edge S of the network input in pixels.
    slice_context : {"replicated", "adjacent"}
        Content of the three input channels.
    trained_on : {"patients", "phantoms"}
        What the slices show.
    salt : str
        Salt of the hashes, from ``study_salt``.
    studies : mapping of str to int
        Every study of the data set, by ``study_hash``, with its fold. Those of ``fold`` were held
        out; the network was trained on all others.
    recipe : mapping
        The settings of the training, plain values.
    labels : str
        Digest of the labels, hexadecimal.
    init : str
        Where the initial weights come from.
    weighted_log_loss : float
        Of the held-out fold.
    versions : mapping of str to str
        Versions of the software that trained it.
    """

    backbone: str
    fold: int
    input_size: int
    slice_context: Literal["replicated", "adjacent"]
    trained_on: Literal["patients", "phantoms"]
    salt: str
    studies: Mapping[str, int]
    recipe: Mapping[str, Any]
    labels: str
    init: str
    weighted_log_loss: float
    versions: Mapping[str, str]

    def __post_init__(self) -> None:
        """Check every value.

        Raises
        ------
        ValueError
            If a value is not what its name says.
        """
        wrong = [name for name, right in self._judged() if not right]
        if wrong:
            raise ValueError(f"{PART} holds a wrong value: {', '.join(wrong)}")

    def _judged(self) -> Iterable[tuple[str, bool]]:
        yield "backbone", _is_text(self.backbone) and self.backbone in BACKBONES
        yield "fold", _is_fold(self.fold)
        yield "input_size", type(self.input_size) is int and 32 <= self.input_size <= 4096
        yield "slice_context", self.slice_context in ("replicated", "adjacent")
        yield "trained_on", self.trained_on in ("patients", "phantoms")
        yield "salt", _is_hash(self.salt)
        yield "studies", _is_mapping(self.studies) and all(map(_is_hash, self.studies))
        yield (
            "folds of studies",
            _is_mapping(self.studies) and all(map(_is_fold, self.studies.values())),
        )
        yield "recipe", _is_mapping(self.recipe) and is_plain(self.recipe)
        yield "labels", _is_text(self.labels)
        yield "init", _is_text(self.init)
        loss = self.weighted_log_loss
        yield "weighted_log_loss", isinstance(loss, float) and math.isfinite(loss) and loss >= 0
        yield "versions", _is_mapping(self.versions) and all(map(_is_text, self.versions.values()))

    def was_trained_on(self, study_uid: str) -> bool:
        """Return whether the network was trained on a study; one that was held out is not."""
        fold = self.fold_of(study_uid)
        return fold is not None and fold != self.fold

    def fold_of(self, study_uid: str) -> int | None:
        """Return the fold of a study, None where it is not in the data set."""
        return self.studies.get(study_hash(self.salt, study_uid))

    @property
    def recipe_digest(self) -> str:
        """Fingerprint of the recipe: equal in all folds of one training."""
        return fingerprint(self.recipe)

    def to_plain(self) -> dict[str, Any]:
        """Return the part ``ich`` as it stands in the checkpoint: dicts, lists, texts, numbers."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()}
        return {"format": FORMAT, **plain}


def from_checkpoint(checkpoint: object, path: Path | None = None) -> Trained | None:
    """Return what a checkpoint says about itself; None where it has no part ``ich``.

    Parameters
    ----------
    checkpoint : mapping
        The whole content of the file.
    path : Path, optional
        The file, for the errors.

    Raises
    ------
    FormatError
        If a newer version of ich wrote it.
    CheckpointError
        If the part is not as this version writes it.
    """
    if not isinstance(checkpoint, Mapping) or PART not in checkpoint:
        return None
    part = checkpoint[PART]
    if not isinstance(part, Mapping) or not is_plain(part):
        raise CheckpointError(
            f"the part {PART} of the checkpoint is not plain values", path=path, remedy=_REMEDY
        )
    number = part.get("format")
    if type(number) is int and number > FORMAT:
        raise FormatError(
            f"a newer version of ich wrote this checkpoint: format {number}, and this version "
            f"reads format {FORMAT}",
            path=path,
            remedy="use the newer version, or other checkpoints",
        )
    names = {field.name for field in fields(Trained)}
    other = sorted({str(key) for key in part.keys() ^ {*names, "format"}})
    if number != FORMAT or other:
        what = f"fields missing or unknown: {', '.join(other[:5])}" if other else "its format"
        raise CheckpointError(
            f"the part {PART} of the checkpoint cannot be read ({what})", path=path, remedy=_REMEDY
        )
    try:
        return Trained(**{name: part[name] for name in names})
    except ValueError as err:
        raise CheckpointError(str(err), path=path, remedy=_REMEDY) from err


def is_plain(value: object) -> bool:
    """Return whether a value is made of dicts, lists, texts, finite numbers, booleans and None.

    A part that holds itself, or far too much, is not plain.
    """
    todo, seen = [value], 0
    while todo:
        found = todo.pop()
        seen += 1
        if seen > MOST_VALUES:
            return False
        if isinstance(found, Mapping):
            if not all(map(_is_text, found)):
                return False
            todo += found.values()
        elif isinstance(found, list | tuple):
            todo += found
        elif not _is_scalar(found):
            return False
    return True


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_fold(value: object) -> bool:
    return type(value) is int and value in range(FOLDS)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == 32 and not set(value) - set("0123456789abcdef")
