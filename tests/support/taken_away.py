"""The result files of a run, without times and durations."""

import json
from pathlib import Path


def results(root: Path) -> dict[str, bytes]:
    """Every result file except the report."""
    files = [p for part in ("output", "processed") for p in (root / part).rglob("*")]
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(files)
        if path.is_file() and path.name != "run_report.json"
    }


def report(root: Path) -> dict:
    """The report; two runs on the same folder give the same."""
    content = json.loads((root / "output" / "run_report.json").read_text())
    del content["seconds"]
    for series in content["series"]:
        del series["seconds"]
    return content
