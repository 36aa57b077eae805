"""The result files of a run, without times and durations."""

import json
import re
from pathlib import Path

_OF_THIS_RUN = re.compile(rb'"python":"[0-9.]+"|"t":[0-9.]+')
"""What the worklist says of how it was made: the Python, and the seconds of a series."""


def compared(path: Path) -> bytes:
    """Return the content of a result file as two runs are to give it."""
    content = path.read_bytes()
    return _OF_THIS_RUN.sub(b"", content) if path.name == "worklist.html" else content


def results(root: Path) -> dict[str, bytes]:
    """Every result file except the report."""
    files = [p for part in ("output", "processed") for p in (root / part).rglob("*")]
    return {
        path.relative_to(root).as_posix(): compared(path)
        for path in sorted(files)
        if path.is_file() and path.name != "run_report.json"
    }


def report(root: Path) -> dict:
    """The report; two runs on the same folder give the same."""
    content = json.loads((root / "output" / "run_report.json").read_text())
    del content["seconds"], content["written"]
    for series in content["series"]:
        del series["seconds"]
    return content
