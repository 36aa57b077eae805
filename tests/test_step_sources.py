"""Changed code of a step asks for a raised code version, or for a word that no number changes."""

import json
import re
import subprocess
import sys
from copy import deepcopy

import pytest
import step_sources

from ich_resources.steps import CODE_VERSIONS, ENSEMBLE, SALIENCY, STEPS, TRAINING_STEPS

CODE = '''
"""A module."""
import math

FACTOR = 2
"""What it is."""

def area(radius: float) -> float:
    """Return the area."""
    if radius < 0:
        raise ValueError(f"{radius} is negative", remedy="use another")
    return FACTOR * math.pi * radius  # not squared
'''


def test_the_code_of_each_step_is_the_frozen_one():
    said = step_sources.complaints(step_sources.read(), CODE_VERSIONS)
    assert not said, "\n".join(said)


def test_each_step_has_its_sources():
    codes = {step.code for step in (*STEPS, *TRAINING_STEPS)}
    assert step_sources.SOURCES.keys() == CODE_VERSIONS.keys() == codes


def test_a_raised_code_version_stands_in_the_changelog(pytestconfig):
    raised = {step: version for step, version in CODE_VERSIONS.items() if version != "1"}
    if not raised:
        return
    text = (pytestconfig.rootpath / "CHANGELOG.md").read_text(encoding="utf-8")
    for step, version in raised.items():
        assert f"code version {version} of `{step}`" in text


def test_the_changelog_lists_every_step_with_its_code_version(pytestconfig):
    text = (pytestconfig.rootpath / "CHANGELOG.md").read_text(encoding="utf-8")
    table = text[text.index("### Code versions") : text.index("## 0.1.0")]
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (\d+) \|", table, re.MULTILINE)
    assert dict(rows) == CODE_VERSIONS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Return the area."""', '"""Return something else."""'),
        ('"""What it is."""', '"""What it was."""'),
        ("  # not squared", ""),
        ("is negative", "is below zero"),
        ("use another", "use a positive one"),
        ("import math", "import math\nimport cmath"),
        ("radius: float", "radius: int"),
    ],
)
def test_prose_imports_and_types_do_not_count(old, new):
    assert old in CODE
    assert step_sources.digest(CODE.replace(old, new)) == step_sources.digest(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FACTOR = 2", "FACTOR = 3"),
        ("FACTOR = 2", "FACTOR = 2.0"),
        ("FACTOR * math", "FACTOR + math"),
        ("radius < 0", "radius <= 0"),
        ("math.pi", "math.e"),
        ("FACTOR * math.pi", "int('1') * math.pi"),
    ],
)
def test_code_counts(old, new):
    assert old in CODE
    assert step_sources.digest(CODE.replace(old, new)) != step_sources.digest(CODE)


def test_a_definition_alone_counts():
    whole = CODE + "\n\ndef other() -> int:\n    return 1\n"
    changed = whole.replace("return 1", "return 2")
    assert step_sources.digest(whole, "area") == step_sources.digest(changed, "area")
    assert step_sources.digest(whole, "other") != step_sources.digest(changed, "other")
    with pytest.raises(LookupError):
        step_sources.digest(whole, "volume")


def test_a_source_that_was_renamed_is_named():
    gone = {ENSEMBLE: ("ich_resources/ensemble.py:gone",)}
    with pytest.raises(LookupError, match=r"ensemble\.py:gone was not found"):
        step_sources.current(gone)


def frozen_with(step: str, **changes: object) -> dict[str, object]:
    frozen = step_sources.freeze(step_sources.read(), CODE_VERSIONS, "as it is here")
    frozen = deepcopy(frozen)
    frozen["steps"][step] |= changes
    return frozen


def test_a_changed_source_is_named_with_both_ways_out():
    frozen = frozen_with(ENSEMBLE, sources={"ich_resources/ensemble.py": "another"})
    (said,) = step_sources.complaints(frozen, CODE_VERSIONS)
    for part in (ENSEMBLE, "ensemble.py", "code version", "CHANGELOG.md", "--no-change-in-numbers"):
        assert part in said
    again = step_sources.freeze(frozen, CODE_VERSIONS, "renamed a variable")
    assert again["no_change_in_numbers"][-1] == {"steps": [ENSEMBLE], "why": "renamed a variable"}
    assert not step_sources.complaints(again, CODE_VERSIONS)
    assert step_sources.freeze(frozen, CODE_VERSIONS, "") == frozen  # no version was raised


def test_a_raised_code_version_is_frozen_without_a_reason():
    frozen = frozen_with(SALIENCY)
    versions = CODE_VERSIONS | {SALIENCY: "2"}
    (said,) = step_sources.complaints(frozen, versions)
    assert "--code-version-raised" in said
    assert step_sources.complaints(step_sources.freeze(frozen, versions, "no number"), versions)
    again = step_sources.freeze(frozen, versions, "")
    assert again["steps"][SALIENCY]["code_version"] == "2"
    assert not step_sources.complaints(again, versions)


def test_the_command_needs_a_reason():
    command = [sys.executable, step_sources.__file__, "--no-change-in-numbers", " "]
    before = step_sources.FROZEN.read_bytes()
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 2
    assert "say why" in done.stderr
    assert step_sources.FROZEN.read_bytes() == before


def test_the_frozen_file_is_written_by_the_command():
    text = step_sources.FROZEN.read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
