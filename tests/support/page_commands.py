"""The commands that a page of docs/ tells people to type."""

import re

from live import ROOT


def commands(page: str) -> list[str]:
    """Return the shell blocks of a page in order, with ``"$DATA"`` where they say ``/data``."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block.replace("/data/", '"$DATA"/') for block in blocks]


def command(page: str, part: str) -> str:
    """Return the one shell block of a page that holds a text."""
    (found,) = [block for block in commands(page) if part in block]
    return found
