"""What an evaluation says about networks: a calibration, and a threshold on P(any).

Each names the checkpoints that it was made for by their digests. It fits no other checkpoints. The
files are read and written by ``judged_files``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from ich_resources.digests import fingerprint
from ich_resources.hemorrhage import CLASSES

FORMAT = 1
"""Format of both files."""
Checkpoints = Mapping[str, tuple[str, ...]]
"""SHA-256 of each fold in order, by backbone."""
Level = Literal["slice", "series", "study"]
Shape = Mapping[str, Any]
"""``{"temperature": T}``, or ``{"x": [...], "y": [...]}`` of an isotonic regression."""


@dataclass(frozen=True)
class Calibration:
    """A map from probabilities to probabilities, for each class.

    Attributes
    ----------
    kind : {"temperature", "isotonic"}
        temperature: logit p / T. isotonic: straight lines between the points (x, y), and the first
        and the last y outside of them.
    classes : mapping of str to mapping
        ``{"temperature": T}`` with T > 0, or ``{"x": [...], "y": [...]}``: x rises, y does not
        fall, both lie within [0, 1]. A class that is not named stays as it is.
    checkpoints : mapping of str to tuple of str
        SHA-256 of each fold in order, by backbone: the networks that gave the probabilities.
    fitted_on : mapping
        What it was fitted on, plain values.
    level : {"slice", "series", "study"}
        Level of the probabilities that it was fitted on.
    sequence : tuple of str
        SHA-256 of each sequence model in order; empty for the 2D networks alone.

    Raises
    ------
    ValueError
        If a value is not what its name says.
    """

    kind: Literal["temperature", "isotonic"]
    classes: Mapping[str, Shape]
    checkpoints: Checkpoints
    fitted_on: Mapping[str, Any]
    level: Level = "slice"
    sequence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_networks(self.checkpoints, self.sequence, self.level)
        if self.kind not in ("temperature", "isotonic"):
            raise ValueError(f"kind is {self.kind!r}")
        named = set(self.classes) if isinstance(self.classes, Mapping) else set()
        if not named or not named <= set(CLASSES):
            raise ValueError("classes names none, or an unknown one")
        wrong = [name for name, shape in self.classes.items() if not _fits(self.kind, shape)]
        if wrong:
            raise ValueError(f"the {self.kind} of {', '.join(wrong)} is not one")

    @property
    def sha256(self) -> str:
        """Fingerprint of every value, as the file holds it."""
        return fingerprint(plain_values(self))

    def apply(self, probabilities: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        """Return calibrated probabilities, computed in float64.

        Parameters
        ----------
        probabilities : float array, shape (N, 6)
            In the order of ``hemorrhage.CLASSES``, within [0, 1].

        Returns
        -------
        float32 array, shape (N, 6)
            Within [0, 1]. The order of two slices never turns round. 0 and 1 stay under a
            temperature.
        """
        given = np.asarray(probabilities, np.float64)
        found = given.copy()
        for name, shape in self.classes.items():
            column = CLASSES.index(name)
            found[:, column] = _calibrated(given[:, column], shape)
        return np.clip(found, 0.0, 1.0).astype(np.float32)


@dataclass(frozen=True)
class Threshold:
    """A threshold on P(any): at or above it a case counts as flagged.

    Attributes
    ----------
    threshold : float
        Within [0, 1], on the probabilities as the tables show them.
    rule : str
        How it was chosen.
    checkpoints : mapping of str to tuple of str
        As in ``Calibration``.
    chosen_on : mapping
        What it was chosen on, plain values.
    calibration : str or None
        ``sha256`` of the calibration that the probabilities have gone through.
    level : {"slice", "series", "study"}
        Level that it was chosen for. A series or study has the highest P(any) of its slices.
    sequence : tuple of str
        As in ``Calibration``.

    Raises
    ------
    ValueError
        If a value is not what its name says.
    """

    threshold: float
    rule: str
    checkpoints: Checkpoints
    chosen_on: Mapping[str, Any]
    calibration: str | None = None
    level: Level = "series"
    sequence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_networks(self.checkpoints, self.sequence, self.level)
        if not _is_number(self.threshold) or not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold!r}, not a number from 0 to 1")
        if not isinstance(self.rule, str):
            raise ValueError("rule is not a text")
        if self.calibration is not None and not _is_sha256(self.calibration):
            raise ValueError("calibration is not a digest")

    @property
    def sha256(self) -> str:
        """Fingerprint of every value, as the file holds it."""
        return fingerprint(plain_values(self))


def digest_of(calibration: Calibration | None) -> str | None:
    """Return the fingerprint of a calibration, None where there is none."""
    return None if calibration is None else calibration.sha256


def plain_values(judged: "Calibration | Threshold") -> dict[str, Any]:
    """Return every value as the file holds it, but for the fingerprint itself."""
    values = {field.name: getattr(judged, field.name) for field in fields(judged)}
    values["checkpoints"] = {name: list(d) for name, d in judged.checkpoints.items()}
    values["sequence"] = list(judged.sequence)
    return {"format": FORMAT, **values}


def _require_networks(checkpoints: Checkpoints, sequence: Sequence[str], level: str) -> None:
    """Check the values that both files have.

    Raises
    ------
    ValueError
        If one is wrong.
    """
    mapped = isinstance(checkpoints, Mapping)
    digests = [digest for folds in checkpoints.values() for digest in folds] if mapped else []
    if not digests or not all(map(_is_sha256, [*digests, *sequence])):
        raise ValueError("checkpoints or sequence holds something else than digests")
    if level not in ("slice", "series", "study"):
        raise ValueError(f"level is {level!r}")


def _fits(kind: str, shape: Shape) -> bool:
    if not isinstance(shape, Mapping):
        return False
    if kind == "temperature":
        value = shape.get("temperature")
        return (
            shape.keys() == {"temperature"}
            and _is_number(value)
            and 0.01 <= float(value or 0) <= 100
        )
    if shape.keys() != {"x", "y"} or not all(_in_unit(shape[key]) for key in ("x", "y")):
        return False
    x, y = np.asarray(shape["x"], np.float64), np.asarray(shape["y"], np.float64)
    return len(x) == len(y) > 0 and bool((np.diff(x) > 0).all() and (np.diff(y) >= 0).all())


def _in_unit(values: object) -> bool:
    listed = isinstance(values, list | tuple)
    return listed and all(_is_number(value) and 0 <= value <= 1 for value in cast(Any, values))


def _calibrated(p: npt.NDArray[np.float64], shape: Shape) -> npt.NDArray[np.float64]:
    if "temperature" not in shape:
        return np.interp(p, shape["x"], shape["y"])
    with np.errstate(divide="ignore", over="ignore"):
        logits = np.log(p) - np.log1p(-p)
        found: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-logits / shape["temperature"]))
        return found


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")
