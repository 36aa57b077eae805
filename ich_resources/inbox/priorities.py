"""The rules of a site on which studies are scored first."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ich_resources.errors import IchError
from ich_resources.plain_text import one_line

Field = Literal["folder", "sender", "study_description", "body_part"]
FIELDS: tuple[str, ...] = get_args(Field)
"""What a rule may look at."""
_REMEDY = (
    "write each rule as {field: folder, pattern: emergency, priority: 10}; field is one of "
    + ", ".join(FIELDS)
)


@dataclass(frozen=True)
class PriorityRule:
    """One rule.

    Attributes
    ----------
    field : str
        What it looks at: ``folder``, ``sender``, ``study_description`` or ``body_part``.
    pattern : re.Pattern
        What it looks for, anywhere in the value; case is ignored.
    priority : int
        The priority of a series that it fits; higher is sooner.
    """

    field: Field
    pattern: re.Pattern[str]
    priority: int


def rules_from(values: Sequence[Any]) -> tuple[PriorityRule, ...]:
    """Return the rules of a run configuration.

    Parameters
    ----------
    values : sequence
        A mapping per rule, with the keys ``field``, ``pattern`` and ``priority``.

    Raises
    ------
    IchError
        If one is not a rule. It names the rule and the fault.
    """
    return tuple(_rule(number, value) for number, value in enumerate(values, 1))


def _rule(number: int, value: Any) -> PriorityRule:
    where = f"inbox.priorities, rule {number}"
    if not isinstance(value, Mapping) or set(value) != {"field", "pattern", "priority"}:
        found = ", ".join(sorted(map(str, value))) if isinstance(value, Mapping) else repr(value)
        raise IchError(
            one_line(f"{where}: it needs field, pattern and priority, not {found or 'nothing'}"),
            remedy=_REMEDY,
        )
    field, pattern, priority = value["field"], value["pattern"], value["priority"]
    if field not in FIELDS:
        raise IchError(one_line(f"{where}: {field!r} is not a field"), remedy=_REMEDY)
    if type(priority) is not int:
        raise IchError(
            one_line(f"{where}: the priority {priority!r} is not a whole number"), remedy=_REMEDY
        )
    try:
        return PriorityRule(field, re.compile(pattern, re.IGNORECASE), priority)
    except (re.error, TypeError, RecursionError, OverflowError) as err:
        raise IchError(
            one_line(f"{where}: {pattern!r} is not a regular expression: {err}"), remedy=_REMEDY
        ) from err


def priority_of(rules: Iterable[PriorityRule], values: Mapping[str, Iterable[str]]) -> int:
    """Return the priority of a series: that of the first rule that fits, 0 where none does.

    Parameters
    ----------
    rules : iterable of PriorityRule
        In the order of the configuration.
    values : mapping of str to iterable of str
        What the series has in each field. A series may lie in several folders.
    """
    for rule in rules:
        if any(rule.pattern.search(value) for value in values.get(rule.field, ())):
            return rule.priority
    return 0
