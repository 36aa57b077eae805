"""What the three channels of the network input hold: as configured, or as the checkpoints say."""

from collections.abc import Sequence
from typing import Literal

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.errors import CheckpointError
from ich_resources.preprocessing import SliceContext

_SHOWN = 3
"""Files named in an error."""


def slice_context(
    files: Sequence[CheckpointFile], configured: Literal["auto", "replicated", "adjacent"]
) -> SliceContext:
    """Return the content of the input channels for some checkpoints.

    Parameters
    ----------
    files : sequence of CheckpointFile
        All that work together.
    configured : {"auto", "replicated", "adjacent"}
        auto: what the files say; replicated where none of them says anything.

    Raises
    ------
    CheckpointError
        If the files say different things, only some of them say anything (under auto), or one says
        another thing than configured. It names the files.
    """
    said: dict[str, list[CheckpointFile]] = {}
    for file in files:
        trained = file.trained
        said.setdefault("" if trained is None else trained.slice_context, []).append(file)
    if configured != "auto":
        other = [context for context in said if context not in ("", configured)]
        if other:
            raise CheckpointError(
                f"slice_context is {configured}, and these checkpoints were trained with "
                f"{other[0]}: {_names(said[other[0]])}",
                path=said[other[0]][0].path.parent,
                remedy="set networks.slice_context to auto",
            )
        return configured
    if len(said) > 1:
        parts = [f"{context or 'nothing'}: {_names(said[context])}" for context in sorted(said)]
        raise CheckpointError(
            f"the checkpoints do not agree on slice_context ({'; '.join(parts)})",
            remedy="choose backbones that were trained alike, or set networks.slice_context where "
            "checkpoints say nothing",
        )
    return "adjacent" if "adjacent" in said else "replicated"


def _names(files: Sequence[CheckpointFile]) -> str:
    names = [f"{file.backbone}/{file.path.name}" for file in files[:_SHOWN]]
    rest = len(files) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")
