"""The one home of escaping: foreign text in tables, terminal lines and pages.

File names and texts of DICOM headers come from outside. A terminal obeys control characters, a log
takes a line break for a new message, and a spreadsheet runs a cell that begins like a formula.
"""

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters of ASCII and Latin-1
    "\u2028\u2029"  # line and paragraph separators
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # changes of the direction of writing
    "\ud800-\udfff]"  # bytes of a file name that is not UTF-8
)
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_LATER_FORMULA = re.compile(r";(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def one_line(text: str) -> str:
    r"""Return a text without control characters, line breaks and changes of direction.

    Parameters
    ----------
    text : str
        Any text. Each such character becomes its escape, as ``\x1b`` or ``\n``.
    """
    return _UNSAFE.sub(_escape, text)


def lines(text: str) -> str:
    """Return a text as ``one_line`` does, but keep its line breaks.

    Parameters
    ----------
    text : str
        A message of our own. Foreign text in it has passed ``one_line``.
    """
    return "\n".join(map(one_line, text.split("\n")))


def cell(text: str) -> str:
    """Return a text as a cell of a table that no spreadsheet runs.

    A text that begins with ``=``, ``+``, ``-`` or ``@`` gets an apostrophe in front, unless it is a
    number. So does such a part behind a semicolon, which some spreadsheets take for the end of a
    cell. A cell that was made so stays as it is.

    Parameters
    ----------
    text : str
        Any text.
    """
    safe = _LATER_FORMULA.sub(";'", one_line(text))
    if _FORMULA.match(safe) and not _NUMBER.fullmatch(safe):
        return f"'{safe}"
    return safe


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
