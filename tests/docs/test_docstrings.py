"""Each public function that takes much, or an array, says what it takes.

A public function or method needs a numpy section ``Parameters`` that names each parameter, if it
has three or more own parameters, or takes or returns an array. Where it returns an array,
``Returns`` (or ``Yields``) says the dtype and the shape. ruff looks only at sections that exist.
A function that raises has a section ``Raises``. ruff (DOC501) passes over NotImplementedError and
over errors that another function makes.

These need none: what Dagster calls (assets, sensors, ops, jobs) and shows as a description, so also
the checks, which return a ``Verdict``; a property; a method that overrides one of a base class, or
whose docstring hands over to the protocol that it implements: "see ``Source.download``".
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGES = ("ich_assets", "ich_resources")
MANY = 3
ARRAYS = frozenset({"NDArray", "ndarray", "Tensor"})
DTYPE = re.compile(r"\b(u?int\d*|integer|bool|b?float\d*|dtype)\b")
SHAPE = re.compile(r"\bshapes?\b")
NOT_OWN = {"self", "cls", "context"}
NO_FUNCTIONS = {
    *("asset", "asset_check", "job", "logger", "multi_asset_check", "op", "sensor"),  # of Dagster
    *("property", "cached_property", "setter", "overload"),
}
OF_LIBRARIES = {("Function", "forward")}
"""A method that a library calls and documents, with the last name of its class."""

Modules = dict[str, ast.Module]
Function = ast.FunctionDef


def names_in(node: ast.AST | None) -> set[str]:
    """Return the names in an annotation. A Callable is not an array, whatever it takes."""
    if isinstance(node, ast.Constant):
        return set(re.findall(r"\w+", str(node.value)))
    if node is None or (isinstance(node, ast.Subscript) and "Callable" in names_in(node.value)):
        return set()
    own = {getattr(node, "id", ""), getattr(node, "attr", "")} - {""}
    return own.union(*map(names_in, ast.iter_child_nodes(node)))


def array_names(modules: Modules) -> dict[str, set[str]]:
    """Return the names by which each module, in dotted form, knows arrays and aliases of them."""
    known = {name: set(ARRAYS) for name in modules}
    before = -1
    while before != (before := sum(map(len, known.values()))):
        for name, module in modules.items():
            for node in module.body:
                if isinstance(node, ast.ImportFrom) and node.module in known:
                    known[name] |= {each.name for each in node.names} & known[node.module]
                is_alias = isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)
                if is_alias and names_in(node.value) & known[name]:
                    known[name] |= names_in(node.targets[0])
    return known


def methods_of(node: ast.ClassDef) -> dict[str, Function]:
    return {method.name: method for method in node.body if isinstance(method, Function)}


def documented(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[str]:
    """Yield the methods that a base class documents, or a protocol that their docstrings name."""
    for base in node.bases:
        name = getattr(base, "attr", getattr(base, "id", ""))
        yield from (method for library, method in OF_LIBRARIES if library == name)
        if classes.get(name, node) is not node:
            yield from [*methods_of(classes[name]), *documented(classes[name], classes)]
    for name, method in methods_of(node).items():
        seen = re.search(rf"\bsee ``(\w+)\.{name}``", ast.get_docstring(method) or "", re.I)
        if seen and seen[1] in classes and name in methods_of(classes[seen[1]]):
            yield name


def covered(modules: Modules) -> Iterator[tuple[str, str, Function]]:
    """Yield the module, the qualified name and the code of each function that the rule is for."""
    classes = {n.name: n for m in modules.values() for n in m.body if isinstance(n, ast.ClassDef)}
    for module, tree in modules.items():
        found = {node.name: node for node in tree.body if isinstance(node, Function)}
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                known = set(documented(node, classes))
                methods = methods_of(node).items()
                found |= {f"{node.name}.{name}": m for name, m in methods if name not in known}
        for name, function in found.items():
            called = {names for each in function.decorator_list for names in names_in(each)}
            by_us = not function.name.startswith("_") and not called & NO_FUNCTIONS
            if by_us and names_in(function.returns) != {"Verdict"}:
                yield module, name, function


def section(docstring: str, *headings: str) -> str:
    found = re.search(
        rf"^({'|'.join(headings)})\n-+\n(.*?)(?=^\S[^\n]*\n--|\Z)", docstring, re.M | re.S
    )
    return found[2] if found else ""


def raises(node: ast.AST) -> bool:
    """Return whether code raises an error of its own, outside of functions within it."""
    inner = [each for each in ast.iter_child_nodes(node) if not isinstance(each, Function)]
    return any((isinstance(each, ast.Raise) and each.exc) or raises(each) for each in inner)


def left_out(function: Function, arrays: Iterable[str]) -> list[str]:
    """Return what the docstring of a function leaves out."""
    args, docstring = function.args, ast.get_docstring(function) or ""
    every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    own = [one for one in every if one and one.arg not in NOT_OWN]
    returned = not names_in(function.returns).isdisjoint(arrays)
    taken = any(not names_in(one.annotation).isdisjoint(arrays) for one in own)
    missing = ["Raises"] if raises(function) and not section(docstring, "Raises") else []
    if len(own) < MANY and not returned and not taken:
        return missing
    heads = re.findall(r"^(\S[^:\n]*?)(?: :.*)?$", section(docstring, "Parameters"), re.M)
    named = {name.strip(" *") for head in heads for name in head.split(",")}
    missing += [one.arg for one in own if one.arg not in named]
    if returned:
        result = section(docstring, "Returns", "Yields")
        facts = {"dtype of the result": DTYPE, "shape of the result": SHAPE}
        missing += [fact for fact, pattern in facts.items() if not pattern.search(result)]
    return missing


def complaints(sources: dict[str, str]) -> list[str]:
    """Return a line for each function that leaves something out, by module in dotted form."""
    modules = {name: ast.parse(source) for name, source in sources.items()}
    arrays = array_names(modules)
    missing = ((m, name, left_out(node, arrays[m])) for m, name, node in covered(modules))
    return [f"{m}.{name}: {', '.join(facts)}" for m, name, facts in missing if facts]


def sources_below(root: Path) -> dict[str, str]:
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    dotted = {path: ".".join(path.relative_to(root).with_suffix("").parts) for path in paths}
    return {dotted[path]: path.read_text(encoding="utf-8") for path in paths}


def test_each_parameter_and_array_is_documented(pytestconfig):
    assert complaints(sources_below(pytestconfig.rootpath)) == []


TAKES = "    Parameters\n    ----------\n    a : {}\n        What.\n"
RETURNS = "    Returns\n    -------\n    {}\n        What.\n"


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def f(a, b): {}", None),
        ("def f(a, b, c): {}", "a, b, c"),
        ("def f(a, *b, **c): {}", "a, b, c"),
        ("def f(context, a, b): {}", None),
        ("def _f(a, b, c): {}", None),
        ("@dg.op\ndef f(a, b, c): {}", None),
        ("@dg.asset(name='x')\ndef f(a, b, c): {}", None),
        ("@contextmanager\ndef f(a, b, c): {}", "a, b, c"),
        ("def f(a: Tensor) -> Verdict: {}", None),
        ("def f(a: tuple[int, ...]): {}", None),
        ("def f(a: npt.NDArray[np.uint8]): {}", "a"),
        ("def f(a: 'dict[str, Tensor]'): {}", "a"),
        ("def f(a: Callable[[Tensor], int]): {}", None),
        ("Crop = npt.NDArray[np.uint8]\ndef f(a: list[Crop]): {}", "a"),
        ("from x import Crop\ndef f(a: list[Crop]): {}", "a"),
        ("from y import Crop\ndef f(a: list[Crop]): {}", None),
        ("def f() -> Tensor: {}", "dtype of the result, shape of the result"),
        ("def f(a):\n  'Do.'\n  raise NotImplementedError", "Raises"),
        ("def f(a):\n  'Do.'\n  try: g()\n  except E: raise a.error()", "Raises"),
        ("def f(a):\n  'Do.'\n  try: g()\n  except E: raise", None),
        ("def f(a):\n  'Do.'\n  def g(): raise E", None),
        ("class K(B):\n  def m(self, a, b, c): {}", None),
        ("class K(Function):\n  def forward(self, a, b, c): {}", None),
        ("class K:\n  def m(self, a, b, c): {}", "a, b, c"),
        ("class K:\n  def m(self, a, b, c): 'Do; see ``B.m``.'", None),
        ("class K:\n  def m(self, a, b, c): 'Do; see ``B.n``.'", "a, b, c"),
        ("class _K:\n  def m(self, a, b, c): {}", None),
        ("class K:\n  @property\n  def m(self) -> Tensor: {}", None),
    ],
)
def test_rule(source, missing):
    name = "K.m" if "def m" in source else "K.forward" if "K(" in source else "f"
    others = {
        "x": "Crop = npt.NDArray[np.uint8]",
        "y": "class B:\n  def m(self): 'Do.'\nclass Crop: 'A class.'",
    }
    found = complaints({"z": source.format("'Do.'"), **others})
    assert found == ([] if missing is None else [f"z.{name}: {missing}"])


@pytest.mark.parametrize(
    ("sections", "missing"),
    [
        (TAKES.format("uint8 array"), ["dtype of the result", "shape of the result"]),
        (RETURNS.format("uint8 array, shape (H, W)"), ["a"]),
        (TAKES.format("int") + "\n" + RETURNS.format("uint8 array"), ["shape of the result"]),
        (TAKES.format("int") + "\n" + RETURNS.format("array, shape (3,)"), ["dtype of the result"]),
        (TAKES.format("int") + "\n" + RETURNS.format("uint8 array, shape (3,)"), []),
    ],
)
def test_rule_for_sections(sections, missing):
    source = f'def f(a) -> Tensor:\n    """Do.\n\n{sections}    """\n'
    assert left_out(ast.parse(source).body[0], ARRAYS) == missing
