"""The measurements of ``make bench`` as text: ratios, each with what it is a ratio of."""

import re
from typing import Any

MARK = "<!-- make bench writes everything below this line -->"


def loop_seconds(found: dict[str, Any], what: str = "seconds") -> float:
    """Return the seconds of the reference's three programs together.

    Parameters
    ----------
    found : dict
        As in ``results.json``.
    what : {"seconds", "without_start", "loading"}
        Of whole commands, without their start and loading, or of loading.
    """
    return float(sum(program[what] for program in found["loop"].values()))


def each_further(first: dict[str, Any], more: dict[str, Any], what: str = "seconds") -> float:
    """Return what a batch takes for each series that it has more than another batch."""
    return float((more[what] - first[what]) / (more["series"] - first["series"]))


def one_live_series(found: dict[str, Any]) -> float:
    """Return the seconds of the steps of a series, the mean of those after the first."""
    _, *others = found["live"]["series"]
    return float(sum(row["steps"] for row in others) / len(others))


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Return the ratios of the measurements, by name.

    Returns
    -------
    dict of str to float
        Loop by ours: ``first``, ``warm``, ``bfloat16`` (whole commands), ``further`` (without
        start and loading). Ours by something else: ``first to warm``; ``start``, by an empty job;
        ``live``, two further series by the steps of one; ``ui``, by a warm batch.
    """
    warm, live, whole = found["warm"], found["live"], loop_seconds(found)
    series = live["series"]
    without_start = loop_seconds(found, "without_start")
    return {
        "first": whole / found["first"]["seconds"],
        "warm": whole / warm["seconds"],
        **({"bfloat16": whole / found["bfloat16"]["seconds"]} if "bfloat16" in found else {}),
        "further": without_start / each_further(warm, found["several"]),
        "first to warm": found["first"]["seconds"] / warm["seconds"],
        "start": warm["to_predictions"] / found["empty_job"],
        "live": (series[-1]["to_result"] - series[0]["to_result"]) / one_live_series(found),
        "ui": live["ui"] / warm["seconds"],
    }


def machine(found: dict[str, Any]) -> str:
    """Return one sentence about the machine."""
    has = found["machine"]
    cards = ", ".join(has["cards"]) or "no GPU"
    return f"{has['processor']}; {has['cores']} cores, {has['memory_gb']} GB, {cards}"


def tables(found: dict[str, Any]) -> str:
    """Return the measurements as Markdown."""
    warm = found["warm"]
    lines = [
        f"Machine: {machine(found)}. {warm['slices']} slices ({found['data']}), "
        f"{warm['checkpoints']} checkpoints ({found['weights']}), default options, one run each. "
        f"{warm['computed_by'][0]}.",
        "",
        *_whole(found),
        *_predictions(found),
        *_growth(found),
    ]
    return "\n".join(lines) + "\n"


def _whole(found: dict[str, Any]) -> list[str]:
    warm, first, live, share = found["warm"], found["first"], found["live"], ratios(found)
    begin, end = (live["series"][i]["to_result"] for i in (0, -1))
    programs = ", ".join(f"{name} {part['seconds']:.1f}" for name, part in found["loop"].items())
    ranked = f"in the ranking after {live['to_ranking']:.1f} s; runs: {live['runs']}"
    rows = [
        ("the reference's loop: three programs", loop_seconds(found), programs),
        ("the loop without start and loading", loop_seconds(found, "without_start"), ""),
        ("a first run", first["seconds"], f"loop / it = {share['first']:.2f}"),
        ("a warm run", warm["seconds"], f"loop / it = {share['warm']:.2f}"),
        (
            "what a first run takes more",
            first["seconds"] - warm["seconds"],
            f"first run / warm run = {share['first to warm']:.2f}",
        ),
        (
            "each further series of a batch",
            each_further(warm, found["several"]),
            f"loop without start and loading / it = {share['further']:.2f}",
        ),
        (
            "from the command to the start of the first predictions",
            warm["to_predictions"],
            f"it / an empty Dagster job ({found['empty_job']:.1f} s) = {share['start']:.2f}",
        ),
        ("live, a study of three series: from `.done` to the first result", begin, ""),
        ("from `.done` to the last result", end, ranked),
        (
            "from the first result to the last",
            end - begin,
            f"it / steps of one of these series ({one_live_series(found):.1f} s) = "
            f"{share['live']:.2f}",
        ),
        ("one series from the UI, scanned before", live["ui"], f"it / warm = {share['ui']:.2f}"),
    ]
    if "bfloat16" in found:
        half = found["bfloat16"]
        words = f"loop / it = {share['bfloat16']:.2f}; {half['computed_by'][0]}"
        rows.append(("a warm run in bfloat16, checked against float32", half["seconds"], words))
    listed = ", ".join(f"{name} {seconds:.1f}" for name, seconds in warm["steps"].items())
    peaks = [warm["peak_mb"], first["peak_mb"], max(p["peak_mb"] for p in found["loop"].values())]
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
    loop = found["loop"]["predictions"]["without_start"]
    passes = found["warm"]["slices"] * found["warm"]["checkpoints"]
    return [
        f"Predictions alone, without Dagster and without loading; the loop takes {loop:.1f} s:",
        "",
        "| variant | s | loop / it | slices x networks / s | largest change of P from the loop "
        "| peak GB |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['what']} | {row['seconds']:.1f} | {loop / row['seconds']:.2f} "
            f"| {passes / row['seconds']:.1f} | {row['largest_difference']:.1e} "
            f"| {row['peak_mb'] / 1024:.1f} |"
            for row in found["predictions"]
        ),
        "",
    ]


def _growth(found: dict[str, Any]) -> list[str]:
    rows = found["growth"]
    first, slices = rows[0], rows[0]["slices"] // rows[0]["series"]
    lines = [
        f"| series in a batch ({slices} slices each, {first['checkpoints']} checkpoints) | s "
        "| s for each further series | peak GB | peak / that of the first row "
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
    """Return the text of ``benchmarks/README.md`` with new tables."""
    return f"{text.partition(MARK)[0]}{MARK}\n\n{tables(found)}"


def figures(found: dict[str, Any]) -> list[str]:
    """Return the rows of ``README.md`` that hold measurements."""
    warm, first, share, has = found["warm"], found["first"], ratios(found), found["machine"]
    each, networks = each_further(warm, found["several"]), f"{warm['checkpoints']} checkpoints"
    at_warm, at_first = (f"{run['peak_mb'] / 1024:.1f} GB" for run in (warm, first))
    loop = (
        f"the reference's loop takes {share['warm']:.1f} and {share['further']:.1f} times as long"
    )
    where = f"{warm['slices']} slices, {networks}, {has['cores']} cores, {has['processor']}"
    return [
        f"| RAM | {at_warm} | peak of a batch, {networks}, CPU; {at_first} in the first run |",
        f"| seconds | {warm['seconds']:.0f} | one study: {where} |",
        f"| | {each:.0f} | each further series; {loop} |",
        f"| | {first['seconds']:.0f} | the first run, which converts the networks |",
    ]


def with_figures(text: str, found: dict[str, Any]) -> str:
    """Return the text of ``README.md`` with new rows."""
    rows = figures(found)
    text = re.sub(r"^\| RAM \|.*$", lambda _: rows[0], text, flags=re.MULTILINE)
    pattern = r"^\| seconds[^|]* \|.*\n(\| \|.*\n)*"
    return re.sub(pattern, lambda _: "\n".join(rows[1:]) + "\n", text, flags=re.MULTILINE)
