"""Secrets: the configuration names where one is, and never holds it."""

import os
import re
from pathlib import Path

from ich_resources.errors import SendError

_MOST = 65_536


def resolve(reference: str, field: str) -> str:
    """Return the text that a reference leads to.

    Parameters
    ----------
    reference : str
        ``env:NAME`` for an environment variable, ``file:PATH`` for a file.
    field : str
        The field of the configuration, for errors.

    Returns
    -------
    str
        Without blanks at its ends. It must appear in no log, error, table or configuration.

    Raises
    ------
    SendError
        If it is not a reference, or cannot be resolved. The error does not show the text.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        text, where = os.environ.get(name, ""), f"the environment variable {name}"
    elif kind == "file" and name:
        path = Path(name).expanduser()
        try:
            with path.open("rb") as file:
                text = file.read(_MOST).decode()
        except (OSError, ValueError) as err:
            why = getattr(err, "strerror", None) or "it is not text in UTF-8"
            raise SendError(
                f"{field} names a file that cannot be read: {why}",
                path=path,
                remedy="name a text file of one line that this user may read",
            ) from err
        where = f"the file {path}"
    else:
        raise SendError(
            f"{field} is not a reference",
            remedy="write env:NAME for an environment variable, or file:PATH for a file",
        )
    text = text.strip()
    if not text:
        raise SendError(f"{field}: {where} is empty or not set", remedy="set it, and run again")
    if not text.isprintable():
        raise SendError(
            f"{field}: {where} holds more than one line, or control characters",
            remedy="write it as one line of printable characters",
        )
    return text
