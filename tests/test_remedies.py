"""Each error that is raised says what to do: a remedy, or a code that docs/codes.md explains."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import ROOT

from ich_resources import errors

NAMES = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.IchError)
}


def _raised(path: Path) -> Iterator[ast.Call]:
    """Yield the calls that make an error of ours and raise it at once."""
    for node in ast.walk(ast.parse(path.read_text())):
        call = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in NAMES:
            yield call


FILES = {
    path.relative_to(ROOT).as_posix(): list(_raised(path))
    for package in ("ich_assets", "ich_resources")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def test_the_errors_are_found():
    assert "DicomError" in NAMES
    assert sum(map(len, FILES.values())) > 200


@pytest.mark.parametrize("name", [name for name, calls in FILES.items() if calls])
def test_each_error_has_a_remedy_or_a_code(name):
    for call in FILES[name]:
        given = {word.arg for word in call.keywords}
        handed_over = None in given  # from a child process, with its remedy
        assert handed_over or given & {"remedy", "code"}, f"{name}:{call.lineno}"
