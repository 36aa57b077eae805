"""``calibration.json`` and ``threshold.json``, and whether they fit what is used.

Both are JSON: format, the fields of the dataclass, and ``sha256``, the fingerprint of all other
values.
"""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from ich_resources.errors import FormatError, IchError
from ich_resources.judged import (
    FORMAT,
    Calibration,
    Checkpoints,
    Threshold,
    digest_of,
    plain_values,
)
from ich_resources.plain_text import one_line
from ich_resources.whole_files import part_name, write_whole

LARGEST_FILE = 16 << 20
"""Most bytes of a file that is read."""


def write_judged(path: Path, judged: Calibration | Threshold) -> None:
    """Write ``calibration.json`` or ``threshold.json`` whole.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    value = plain_values(judged) | {"sha256": judged.sha256}
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    write_whole(path, text.encode(), part_name(), durable=True)


def read_calibration(path: Path) -> Calibration:
    """Read ``calibration.json``.

    Raises
    ------
    FormatError
        If a newer version of ich wrote it.
    IchError
        If the file cannot be read, or its values are not those that were written.
    """
    return cast(Calibration, _read(path, Calibration))


def read_threshold(path: Path) -> Threshold:
    """Read ``threshold.json``; errors as for ``read_calibration``."""
    return cast(Threshold, _read(path, Threshold))


def require_checkpoints(judged: Calibration | Threshold, used: Checkpoints, path: Path) -> None:
    """Check that a calibration or threshold was made for the checkpoints that are used.

    Parameters
    ----------
    judged : Calibration or Threshold
        From the file.
    used : mapping of str to tuple of str
        SHA-256 of each fold in order, by backbone.
    path : Path
        The file.

    Raises
    ------
    IchError
        If it was made for others; it names backbone, fold and both digests.
    """
    what = type(judged).__name__.lower()
    remedy = f"use the checkpoints that it was made for, or make a {what} for these (ich_evaluate)"
    if judged.checkpoints.keys() != used.keys():
        raise IchError(
            f"the {what} was made for the backbones {_names(judged.checkpoints)}, and "
            f"{_names(used)} are used",
            path=path,
            remedy=remedy,
        )
    for backbone, digests in judged.checkpoints.items():
        if len(digests) != len(used[backbone]):
            raise IchError(
                f"the {what} was made for {len(digests)} folds of {backbone}, and "
                f"{len(used[backbone])} are used",
                path=path,
                remedy=remedy,
            )
        for fold, (made_for, found) in enumerate(zip(digests, used[backbone], strict=True)):
            if made_for != found:
                raise IchError(
                    f"the {what} was made for another checkpoint of {backbone}, fold {fold}: "
                    f"its SHA-256 is {made_for[:12]}..., that of the checkpoint {found[:12]}...",
                    path=path,
                    remedy=remedy,
                )


def require_calibration(threshold: Threshold, used: Calibration | None, path: Path) -> None:
    """Check that a threshold was chosen on probabilities with the calibration that is used.

    Parameters
    ----------
    threshold : Threshold
        ``calibration`` is the digest of the one that it was chosen with.
    used : Calibration or None
        The one that is used; None for none.
    path : Path
        The file of the threshold, for the error.

    Raises
    ------
    IchError
        If it was not; it names both digests.
    """
    found = digest_of(used)
    if threshold.calibration != found:
        raise IchError(
            f"the threshold was chosen on probabilities with {_called(threshold.calibration)}, "
            f"and {_called(found)} is used",
            path=path,
            remedy="set networks.calibration to the file that it was chosen with, or choose a "
            "threshold anew (ich_evaluate)",
        )


def _called(digest: str | None) -> str:
    return "no calibration" if digest is None else f"the calibration {digest[:12]}..."


def _names(checkpoints: Checkpoints) -> str:
    return one_line(", ".join(checkpoints))


def _read(path: Path, kind: type[Calibration] | type[Threshold]) -> Calibration | Threshold:
    what = kind.__name__.lower()
    remedy = f"name a {what}.json that ich_evaluate has written"
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(LARGEST_FILE))
    except (OSError, ValueError, RecursionError) as err:
        why = (err.strerror or "") if isinstance(err, OSError) else "it is not JSON"
        raise IchError(f"the {what} cannot be read: {why}", path=path, remedy=remedy) from err
    number = value.get("format") if isinstance(value, dict) else None
    if type(number) is int and number > FORMAT:
        raise FormatError(
            f"a newer version of ich wrote this {what}: format {number}, and this version reads "
            f"format {FORMAT}",
            path=path,
            remedy="use the newer version",
        )
    names = {field.name for field in fields(kind)}
    if number != FORMAT or value.keys() != {*names, "format", "sha256"}:
        raise IchError(f"the file is not a {what}", path=path, remedy=remedy)
    try:
        judged = kind(**{name: _tupled(name, value[name]) for name in names})
        whole = judged.sha256 == value["sha256"]
    except (TypeError, ValueError) as err:
        raise IchError(f"the {what} has a wrong value: {err}", path=path, remedy=remedy) from err
    if not whole:
        raise IchError(
            f"the {what} was changed by hand: its values do not have its sha256",
            path=path,
            remedy=remedy,
        )
    return judged


def _tupled(name: str, value: Any) -> Any:
    if name == "checkpoints" and isinstance(value, dict):
        return {key: tuple(digests) for key, digests in value.items()}
    return tuple(value) if name == "sequence" else value
