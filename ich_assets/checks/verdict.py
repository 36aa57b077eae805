"""What a check says, and one op for all checks of an asset.

Each check is a function that returns a ``Verdict``. Those of one asset share an op: Dagster keeps
some ten events for each op, and the arrays are read once.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import dagster as dg

from ich_assets.partitions import SERIES

_T = TypeVar("_T")


@dataclass(frozen=True)
class Verdict:
    """What a check says of a series.

    Parameters
    ----------
    passed : bool
        Whether it holds.
    metadata : mapping
        Its numbers, for the UI.
    description : str, optional
        One sentence.
    """

    passed: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None


Check = Callable[[_T], Verdict]
"""The name of the function is that of the check, and its docstring the description in the UI."""


def specs_of(
    asset: dg.AssetsDefinition, *, warn: Sequence[Check[Any]] = (), block: Sequence[Check[Any]] = ()
) -> list[dg.AssetCheckSpec]:
    """Return the specifications of the checks of an asset.

    Parameters
    ----------
    asset : dagster.AssetsDefinition
        What is checked.
    warn : sequence of functions
        Checks that only warn.
    block : sequence of functions
        Checks that stop the steps after this one.
    """
    return [
        dg.AssetCheckSpec(
            check.__name__,
            asset=asset,
            description=inspect.getdoc(check),
            blocking=check in block,
            partitions_def=SERIES,
        )
        for check in (*warn, *block)
    ]


def evaluations(
    context: dg.AssetCheckExecutionContext, checks: Iterable[Check[_T]], found: _T
) -> Iterator[dg.AssetCheckResult]:
    """Make the checks that were chosen, and yield what Dagster keeps.

    They follow the order of their specifications. A blocking check that fails ends the op, so the
    others come first.

    Parameters
    ----------
    context : dagster.AssetCheckExecutionContext
        Of the op.
    checks : iterable of functions
        All checks of the op.
    found : object
        What they judge.
    """
    by_name = {check.__name__: check for check in checks}
    for spec in context.check_specs:
        if spec.key not in context.selected_asset_check_keys:
            continue
        verdict = by_name[spec.name](found)
        severity = dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(
            passed=verdict.passed,
            asset_key=spec.asset_key,
            check_name=spec.name,
            severity=severity,
            description=verdict.description,
            metadata=verdict.metadata,
        )
