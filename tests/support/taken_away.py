"""The result files of a run, without times and durations."""

import json
import re
from pathlib import Path

_PYTHON = re.compile(rb'"python":"[0-9.]+"')
"""The worklist names the Python that made it; an image has another one than the tests."""


def results(root: Path) -> dict[str, bytes]:
    """Every result file except the report; the worklist without the version of Python."""
    files = [p for part in ("output", "processed") for p in (root / part).rglob("*")]
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(files)
        if path.is_file() and path.name != "run_report.json"
    }
    worklist = "output/worklist.html"
    if worklist in found:
        found[worklist], count = _PYTHON.subn(b"", found[worklist])
        assert count == 1
    return found


def report(root: Path) -> dict:
    """The report; two runs on the same folder give the same."""
    content = json.loads((root / "output" / "run_report.json").read_text())
    del content["seconds"]
    for series in content["series"]:
        del series["seconds"]
    return content
