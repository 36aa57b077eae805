"""``output/README.txt``: what each file of a results folder is, and what to open first."""

from collections.abc import Sequence

from ich_resources.storage.files import write_bytes
from ich_resources.storage.layout import Layout
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.report import DISCLAIMER
from ich_resources.storage.shown import probabilities_from
from ich_resources.worth import WARNINGS, TrainedOn, least

README = "README.txt"
FILES = {
    "worklist.html": "Open this first. All series on one page, the highest P(any) first.",
    "series/": "A page for each series: every slice with its saliency and its probabilities.",
    "saliency_panels/": "A picture for each slice in full quality, and tables of scores.",
    "predictions_per_study.csv": "A row for each study, from its primary series; odd ones marked.",
    "dicom/": "DICOM objects of each series, with the data of its patient, where asked for.",
    "predictions_per_series.csv": "A row for each series, the highest P(any) first.",
    "slices.csv": "A row for each scored slice: study, series, number, position, probabilities.",
    "predictions_per_slice.csv": "A row for each slice: six probabilities.",
    "predictions.csv": "The same numbers, a row for each slice and class.",
    "predictions_2d_per_slice.csv": "The 2D ensemble, where the others show sequence models.",
    "series_ledger.csv": "Every series found: scored, refused, failed or waiting; remarks.",
    "inbox_ledger.csv": "Every series that came into the inbox, and its state (live operation).",
    "sent.csv": "What was sent where, and what became of it (only where something was sent).",
    "slices_not_scored.csv": "Every file without a probability, with a reason.",
    "run_report.json": "Versions, weights, options, times, counts.",
    "evaluation/": "Comparison with labels, where it was asked for: open index.html.",
}
"""Every file and folder of ``output``, and what it is. A folder ends with a slash."""
_NOT = """\
What the numbers are not
  - A probability is the output of networks. It is not a diagnosis, and unless run_report.json names
    a calibration it does not say how often such a case has a bleed.
  - P(any) of a series is the highest of its slices. It grows with the number of slices.
  - How well the networks do at your site is not known before you compare them with labels.
  - Saliency shows which pixels moved an output. It is not a segmentation, and it is not evidence of
    blood. Each map is stretched to 0..1 per slice.
  - The saliency score is the mean of a map. It is not a probability.
  - A series that is not in the tables of probabilities was not scored. It is not negative.
"""


def readme(worth: TrainedOn, source: str) -> str:
    """Return the text.

    Parameters
    ----------
    worth : {"nothing", "phantoms", "patients"}
        What the networks behind the results were trained on, the least of them.
    source : str
        ``ensemble``, ``sequence`` or both; see ``shown.probabilities_from``.
    """
    warning = f"WARNING: {WARNINGS[worth]}.\n" if WARNINGS[worth] else ""
    width = max(map(len, FILES)) + 2
    listed = "".join(f"  {name:<{width}}{what}\n" for name, what in FILES.items())
    return (
        "Results of intracranial hemorrhage scoring of head CT\n"
        f"{DISCLAIMER}\n{warning}\n"
        f"What each file is (some are there only where they are needed)\n{listed}\n"
        f"The probabilities are those of: {source}.\n"
        "Classes: any, epidural, intraparenchymal, intraventricular, subarachnoid, subdural.\n\n"
        f"{_NOT}"
    )


def write_readme(layout: Layout, outcomes: Sequence[SeriesOutcome]) -> None:
    """Write ``README.txt``; see ``readme``.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    outcomes : sequence of SeriesOutcome
        One per series.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    worth = least(record.content.worth for o in outcomes for record in o.records.values())
    text = readme(worth, probabilities_from(outcomes))
    write_bytes(layout.output / README, text.encode())
