"""Templates of this package, filled with data as JSON. No foreign text becomes markup."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_MARKS = {"page.css": "/* page.css */", "common.js": "/* common.js */"}
"""Where a template takes in what all pages share."""
_DATA = "__DATA__"
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that could end the script element, or a line of it, and their escapes in JSON."""


def fill(template: str, data: Mapping[str, Any]) -> bytes:
    """Return a page.

    Parameters
    ----------
    template : str
        Its file name, in this package.
    data : mapping
        Plain values. The script of the page shows them as text alone.

    Returns
    -------
    bytes
        HTML in UTF-8.
    """
    before, _, after = _template(template).partition(_DATA)
    return (before + safe_json(data) + after).encode()


def safe_json(data: Any) -> str:
    """Return values as JSON that can stand within an HTML page.

    Parameters
    ----------
    data : any
        Plain values; a number that is not finite is refused.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return text.encode(errors="backslashreplace").decode()


@cache
def _template(name: str) -> str:
    folder = files("ich_resources.pages") / "templates"
    text = (folder / name).read_text(encoding="utf-8")
    for file, mark in _MARKS.items():
        text = text.replace(mark, (folder / file).read_text(encoding="utf-8"))
    return text
