"""What a sequence checkpoint says about itself: its part ``ich``; importable without torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from ich_resources.backbones.recipe_in_file import PART, is_plain
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.errors import CheckpointError, FormatError
from ich_resources.sequence.channels import DZ_UNIT, FEATURE_WIDTH
from ich_resources.sequence.recipe import SequenceFeatures, SequenceRecipe

FORMAT = 1
_REMEDY = "train the sequence models again (ich_sequence), or put the right file there"


@dataclass(frozen=True)
class SequenceAbout:
    """What a sequence checkpoint was trained on. It fits these 2D checkpoints and no other.

    Attributes
    ----------
    fold : int
        The fold that was held out.
    backbones : tuple of str
        Names of the base networks, in the order of the channels.
    widths : tuple of int
        Length of the features of each.
    checkpoints : mapping of str to tuple of str
        SHA-256 of the file of each fold, in order, by backbone.
    views : str
        The views whose mean the networks below give: ``none``, ``four`` or ``random10``.
    sequence_features : {"each", "mean"}
        How several 2D folds become one answer.
    dz_unit : str
        Unit of the distances between slices.
    trained_on : {"patients", "phantoms"}
        What the slices show.
    recipe : mapping
        The settings of the training, plain values.
    oof_table : str
        Data version of the predictions that it was trained on.
    head1, head2 : float
        Weighted log loss of both heads on the held-out series.
    accept_leak : bool
        Whether the 2D networks may have seen the slices that they scored for it.
    versions : mapping of str to str
        Versions of the software that trained it.

    Raises
    ------
    ValueError
        If a value is not what its name says.
    """

    fold: int
    backbones: tuple[str, ...]
    widths: tuple[int, ...]
    checkpoints: Mapping[str, tuple[str, ...]]
    views: str
    sequence_features: SequenceFeatures
    trained_on: Literal["patients", "phantoms"]
    recipe: Mapping[str, Any]
    oof_table: str
    head1: float
    head2: float
    versions: Mapping[str, str]
    accept_leak: bool = False
    dz_unit: str = DZ_UNIT

    def __post_init__(self) -> None:
        right = {
            "fold": self.fold in range(FOLDS),
            "backbones": bool(self.backbones)
            and len(set(self.backbones)) == len(self.backbones)
            and set(self.backbones) <= set(BACKBONES),
            "widths": len(self.widths) == len(self.backbones)
            and all(0 < width <= FEATURE_WIDTH for width in self.widths),
            "checkpoints": self.checkpoints.keys() == set(self.backbones)
            and all(0 < len(digests) <= FOLDS for digests in self.checkpoints.values()),
            "views": self.views in ("none", "four", "random10"),
            "sequence_features": self.sequence_features in ("each", "mean"),
            "trained_on": self.trained_on in ("patients", "phantoms"),
            "dz_unit": self.dz_unit == DZ_UNIT,
            "losses": math.isfinite(self.head1) and math.isfinite(self.head2),
        }
        wrong = [name for name, fits in right.items() if not fits]
        if wrong:
            raise ValueError(f"{PART} holds a wrong value: {', '.join(wrong)}")
        SequenceRecipe.from_plain(self.recipe)

    def to_plain(self) -> dict[str, Any]:
        """Return the part ``ich`` as it stands in the checkpoint: dicts, lists, texts, numbers."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            "format": FORMAT,
            **values,
            "backbones": list(self.backbones),
            "widths": list(self.widths),
            "checkpoints": {name: list(digests) for name, digests in self.checkpoints.items()},
            "recipe": dict(self.recipe),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_plain(cls, part: object, path: Path | None = None) -> Self:
        """Return what ``to_plain`` gave.

        Parameters
        ----------
        part : mapping
            The part ``ich`` of the checkpoint.
        path : Path, optional
            The file, for the errors.

        Raises
        ------
        FormatError
            If a newer version of ich wrote it.
        CheckpointError
            If it is not as this version writes it.
        """
        if not isinstance(part, Mapping) or not is_plain(part):
            raise CheckpointError(
                f"the sequence checkpoint has no part {PART} of plain values",
                path=path,
                remedy=_REMEDY,
            )
        number = part.get("format")
        if type(number) is int and number > FORMAT:
            raise FormatError(
                f"a newer version of ich wrote this sequence checkpoint: format {number}, and this "
                f"version reads format {FORMAT}",
                path=path,
                remedy="use the newer version, or other checkpoints",
            )
        values = {name: value for name, value in part.items() if name != "format"}
        try:
            for name in ("backbones", "widths"):
                values[name] = tuple(values[name])
            values["checkpoints"] = {k: tuple(v) for k, v in values["checkpoints"].items()}
            return cls(**values)
        except (AttributeError, KeyError, TypeError, ValueError, CheckpointError) as err:
            raise CheckpointError(
                f"the part {PART} of the sequence checkpoint cannot be read: {err}",
                path=path,
                remedy=_REMEDY,
            ) from err
