"""Pieces of the page of an evaluation: numbers, tables and pictures as HTML."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from ich_resources.evaluation.intervals import Interval, Share
from ich_resources.plain_text import one_line

NONE = "–"
"""Stands for a number that does not exist."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a page.

    Attributes
    ----------
    light, dark : mapping of str to bytes
        PNG of ``roc``, ``reliability``, ``confusion``; for paper and for a dark page.
    panels : mapping of str to bytes
        JPEG of the panel of a missed case, by its path below the run root.
    """

    light: Mapping[str, bytes] = field(default_factory=dict)
    dark: Mapping[str, bytes] = field(default_factory=dict)
    panels: Mapping[str, bytes] = field(default_factory=dict)


def text(value: str) -> str:
    """Return foreign text as HTML: no markup, no control character."""
    return escape(one_line(value))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with some digits, or a dash."""
    return NONE if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share in percent, or a dash."""
    if value is None:
        return NONE
    shown = f"{100 * value:.{digits}f}".removesuffix("." + "0" * digits)
    return f"{shown}\u202f%"


def bounds(interval: Interval | None, digits: int = 3) -> str:
    """Return an interval as ``0.912–0.954``, or a dash."""
    if interval is None:
        return NONE
    return f"{interval.low:.{digits}f}–{interval.high:.{digits}f}"


def share(found: Share) -> str:
    """Return a share as ``95 % (90–98 %), 52 of 55``, or a dash."""
    if found.value is None or found.low is None or found.high is None:
        return f"{NONE} (0 of 0)"
    low, high = (f"{100 * value:.0f}" for value in (found.low, found.high))
    return f"{percent(found.value)} ({low}–{high}\u202f%), {found.hits} of {found.of}"


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[int] = (0,)
) -> str:
    """Return a table.

    Parameters
    ----------
    headers : sequence of str
        HTML of the first line.
    rows : iterable of sequences of str
        HTML of the cells.
    words : sequence of int
        Columns that hold words; the others are set to the right.
    """

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{'' if i in words else ' class=n'}>{cell}</{tag}>" for i, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    head = f"<thead><tr>{cells(headers, 'th')}</tr></thead>"
    return f"<div class=wide><table>{head}<tbody>{body}</tbody></table></div>"


def picture(pictures: Pictures, name: str, alternative: str) -> str:
    """Return a picture, embedded, in its dark version on a dark page; empty without it.

    Parameters
    ----------
    pictures : Pictures
        Without ``name`` in ``light`` nothing is shown; without it in ``dark`` the light picture
        stands on a dark page too.
    name : str
        ``roc``, ``reliability`` or ``confusion``.
    alternative : str
        Text for readers who do not see the picture. It is escaped.
    """
    if name not in pictures.light:
        return ""
    dark = ""
    if name in pictures.dark:
        source = data_url(pictures.dark[name], "png")
        dark = f'<source media="screen and (prefers-color-scheme: dark)" srcset="{source}">'
    light = data_url(pictures.light[name], "png")
    return (
        f'<figure><picture>{dark}<img src="{light}" alt="{text(alternative)}"></picture></figure>'
    )


def data_url(content: bytes, kind: str) -> str:
    """Return a picture as a URL that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def card(title: str, value: str, below: str, link: str = "") -> str:
    """Return one of the numbers that a reader sees first.

    Parameters
    ----------
    title, value, below : str
        HTML: the caller escapes foreign text.
    link : str
        Where a click leads, such as ``#missed``; empty for nowhere.
    """
    inner = f"<span>{title}</span><b>{value}</b><small>{below}</small>"
    return f'<a class=card href="{link}">{inner}</a>' if link else f"<div class=card>{inner}</div>"


def section(anchor: str, title: str, *content: str) -> str:
    """Return a section of the page.

    Parameters
    ----------
    anchor : str
        Its id on the page.
    title : str
        HTML: the caller escapes foreign text.
    *content : str
        HTML; it is joined.
    """
    return f'<section id="{anchor}"><h2>{title}</h2>{"".join(content)}</section>'


def paragraph(words: str, kind: str = "") -> str:
    """Return a paragraph; ``kind`` is its class."""
    return f"<p{f' class={kind}' if kind else ''}>{words}</p>"


STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1f26; --dim: #5a6572; --line: #d9dee4;
  --box: #f5f7f9; --accent: #0b5cab; --warn: #ffe14d; --warnink: #12161c; --bad: #b3261e }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #171c23; --ink: #eceff3;
  --dim: #a3aebb; --line: #323c48; --box: #1f262f; --accent: #6fb3ff; --bad: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem 4rem }
.use { background: var(--box); color: var(--dim); border-bottom: 1px solid var(--line);
  text-align: center; padding: .4rem 1rem; font-size: .875rem }
.warning { background: var(--warn); color: var(--warnink); text-align: center; font-weight: 700;
  padding: .6rem 1rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 2rem 0 .5rem }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem }
p { margin: .5rem 0; max-width: 46rem } .lead { font-size: 1.1rem } .dim { color: var(--dim) }
small, .small { font-size: .85rem } a { color: var(--accent) }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem;
  margin: 1.25rem 0 }
.card { background: var(--box); border: 1px solid var(--line); border-radius: .5rem;
  padding: .75rem .9rem; display: flex; flex-direction: column; text-decoration: none;
  color: inherit }
a.card:hover, a.card:focus { border-color: var(--accent) }
.card span { color: var(--dim); font-size: .85rem } .card b { font-size: 1.7rem; line-height: 1.3 }
.card small { color: var(--dim) }
.wide { overflow-x: auto; margin: .75rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top } th { color: var(--dim); font-weight: 600; white-space: nowrap }
.n { text-align: right; white-space: nowrap } td.id, .id { overflow-wrap: anywhere;
  font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .8rem }
figure { margin: 1rem 0 } img { max-width: 100%; height: auto; display: block }
figure picture img { width: 44rem }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem }
.panels figure { margin: 0 } .panels img { border-radius: .4rem; width: 100% }
figcaption { color: var(--dim); font-size: .85rem; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .3rem 1.25rem;
  margin: .75rem 0 } dt { color: var(--dim) } dd { margin: 0; overflow-wrap: anywhere }
ul { padding-left: 1.2rem } nav { font-size: .9rem } nav a { margin-right: 1rem }
details { margin: .75rem 0 } summary { cursor: pointer; color: var(--accent) }
@media print { body { font-size: 10.5pt } main { max-width: none; padding: 0 } nav { display: none }
  h2 { break-after: avoid } figure, .card, tr { break-inside: avoid } .wide { overflow: visible }
  a { color: inherit; text-decoration: none } .warning, .card { print-color-adjust: exact } }
"""
