"""The commands on a page of docs/."""

import re

from live import ROOT


def blocks(page: str, language: str = "") -> list[str]:
    """Return the fenced blocks of a page in one language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [body for name, body in fenced if name == language]


def commands(page: str) -> list[str]:
    """Return the shell blocks of a page in order, with ``"$DATA"`` where they say ``/data``."""
    return [block.replace("/data/", '"$DATA"/') for block in blocks(page, "sh")]


def command(page: str, part: str) -> str:
    """Return the one shell block of a page that holds a text."""
    (found,) = [block for block in commands(page) if part in block]
    return found
