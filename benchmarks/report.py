"""The measurements of ``make bench`` as text: ratios first, each with what it is a ratio of."""

import re
from typing import Any

MARK = "<!-- make bench writes everything below this line -->"


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Return the figures that a machine's speed has little influence on, by name."""
    parts = found["loop"].values()
    whole, further = (sum(part[name] for part in parts) for name in ("seconds", "further"))
    warm, live = found["warm"], found["live"]
    each = each_further(found["warm"], found["several"])
    steps = sum(warm["steps"].values())
    return {
        "warm": whole / warm["seconds"],
        "first": whole / found["first"]["seconds"],
        "first to warm": found["first"]["seconds"] / warm["seconds"],
        "further": further / each,
        "start": warm["to_first_request"] / found["empty_job"],
        "live": (live["series"][-1]["to_result"] - live["series"][0]["to_result"]) / steps,
        "ui": live["ui"] / warm["seconds"],
        **({"bfloat16": whole / found["bfloat16"]["seconds"]} if "bfloat16" in found else {}),
    }


def each_further(first: dict[str, Any], more: dict[str, Any], what: str = "seconds") -> float:
    """Return what a batch takes for each series more than another batch has."""
    return float((more[what] - first[what]) / (more["series"] - first["series"]))


def tables(found: dict[str, Any]) -> str:
    """Return the measurements as Markdown."""
    warm = found["warm"]
    lines = [
        f"Machine: {found['machine']}. {warm['slices']} slices ({found['data']}), "
        f"{warm['checkpoints']} checkpoints, default options. {warm['computed_by'][0]}.",
        "",
        *_whole(found),
        *_predictions(found),
        *_growth(found),
    ]
    return "\n".join(lines) + "\n"


def _whole(found: dict[str, Any]) -> list[str]:
    loop, warm, live, share = found["loop"], found["warm"], found["live"], ratios(found)
    whole, further = (sum(p[name] for p in loop.values()) for name in ("seconds", "further"))
    programs = ", ".join(f"{name} {part['seconds']:.1f}" for name, part in loop.items())
    begin, end = (live["series"][i]["to_result"] for i in (0, -1))
    steps = sum(warm["steps"].values())
    empty = f"an empty Dagster job ({found['empty_job']:.1f} s)"
    ranked = f"in the ranking after {live['to_ranking']:.1f} s; runs: {live['processes']}"
    rows = [
        ("the reference's loop", whole, f"three programs: {programs}"),
        ("the loop without start and loading", further, ""),
        ("a first run", found["first"]["seconds"], f"loop / it = {share['first']:.2f}"),
        ("a warm run", warm["seconds"], f"loop / it = {share['warm']:.2f}"),
        (
            "a first run, more than a warm run",
            found["first"]["seconds"] - warm["seconds"],
            f"first / warm = {share['first to warm']:.2f}",
        ),
        (
            "each further series of a batch",
            each_further(warm, found["several"]),
            f"loop without start and loading / it = {share['further']:.2f}",
        ),
        (
            "from the command to the first slice in a network",
            warm["to_first_request"],
            f"it / {empty} = {share['start']:.2f}",
        ),
        ("live, study of three series: from `.done` to the first result", begin, ""),
        ("from `.done` to the last result", end, ranked),
        (
            "from the first result to the last",
            end - begin,
            f"it / steps of one series ({steps:.1f} s) = {share['live']:.2f}",
        ),
        ("one series from the UI", live["ui"], f"it / warm run = {share['ui']:.2f}"),
    ]
    if "bfloat16" in found:
        half = found["bfloat16"]
        words = f"loop / it = {share['bfloat16']:.2f}; {half['computed_by'][0]}"
        rows.append(("a warm run in bfloat16", half["seconds"], words))
    listed = ", ".join(f"{name} {seconds:.1f}" for name, seconds in warm["steps"].items())
    peaks = [warm["peak_mb"], found["first"]["peak_mb"], max(p["peak_mb"] for p in loop.values())]
    at_warm, at_first, at_loop = (f"{peak / 1024:.1f} GB" for peak in peaks)
    return [
        "| what | s | ratio |",
        "|---|---|---|",
        *(f"| {what} | {seconds:.1f} | {ratio} |" for what, seconds, ratio in rows),
        "",
        f"Seconds of the steps of the warm run: {listed}.",
        "",
        f"Peak memory, as the sum of PSS of all processes: warm run {at_warm}, first run "
        f"{at_first}, loop {at_loop}.",
        "",
    ]


def _predictions(found: dict[str, Any]) -> list[str]:
    baseline = found["loop"]["predictions"]["further"]
    passes = found["warm"]["slices"] * found["warm"]["checkpoints"]
    return [
        f"Predictions alone, without Dagster and without loading; the loop takes {baseline:.1f} s:",
        "",
        "| variant | s | loop / it | slices x networks / s | largest change of P | peak GB |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['what']} | {row['seconds']:.1f} | {baseline / row['seconds']:.2f} "
            f"| {passes / row['seconds']:.1f} | {row['largest_difference']:.1e} "
            f"| {row['peak_mb'] / 1024:.1f} |"
            for row in found["predictions"]
        ),
        "",
    ]


def _growth(found: dict[str, Any]) -> list[str]:
    first, *_ = rows = found["growth"]
    slices = first["slices"] // first["series"]
    lines = [
        f"| series in a batch ({slices} slices each, {first['checkpoints']} checkpoints) | s "
        "| s for each further series | peak GB | peak / that of one series "
        "| MB of Dagster's store for each further series |",
        "|---|---|---|---|---|---|",
    ]
    for before, row in zip([None, *rows], rows, strict=False):
        each = stored = ""
        if before is not None:
            each = f"{each_further(before, row):.2f}"
            stored = f"{each_further(before, row, 'store_mb'):.2f}"
        lines.append(
            f"| {row['series']} | {row['seconds']:.1f} | {each} | {row['peak_mb'] / 1024:.2f} "
            f"| {row['peak_mb'] / first['peak_mb']:.2f} | {stored} |"
        )
    own, quick = (found["overhead"][f"{name}, CPU"] for name in ("as it comes", "quick_commits"))
    lines += [
        "",
        f"A series of our graph with empty steps took Dagster {own:.2f} s of CPU with its own "
        f"commits, engines and files, and {quick:.2f} s with ours.",
    ]
    return lines


def with_tables(text: str, found: dict[str, Any]) -> str:
    """Return ``benchmarks/README.md`` with new tables."""
    return f"{text.partition(MARK)[0]}{MARK}\n\n{tables(found)}"


def figures(found: dict[str, Any]) -> list[str]:
    """Return the rows of ``README.md`` that hold measurements."""
    warm, first, share = found["warm"], found["first"], ratios(found)
    name, cores, *_ = found["machine"].split(", ")
    each, networks = each_further(warm, found["several"]), f"{warm['checkpoints']} checkpoints"
    at_warm, at_first = (f"{run['peak_mb'] / 1024:.1f} GB" for run in (warm, first))
    what = f"{warm['slices']} slices, {networks}"
    where = f"{cores} of {name}, command to tables; {share['warm']:.1f} x the reference's loop"
    return [
        f"| RAM | {at_warm} | peak of a batch, {networks}, CPU; {at_first} in the first run |",
        f"| seconds per study | {warm['seconds']:.0f} | {what}, {where} |",
        f"| | {each:.0f} | each further study of a batch; {share['further']:.1f} x the loop |",
        f"| | {first['seconds']:.0f} | the first run, which converts the networks |",
    ]


def with_figures(text: str, found: dict[str, Any]) -> str:
    """Return ``README.md`` with new rows."""
    rows = figures(found)
    text = re.sub(r"^\| RAM \|.*$", lambda _: rows[0], text, flags=re.MULTILINE)
    pattern = r"^\| seconds per study \|.*\n(\| \|.*\n)*"
    return re.sub(pattern, lambda _: "\n".join(rows[1:]) + "\n", text, flags=re.MULTILINE)
