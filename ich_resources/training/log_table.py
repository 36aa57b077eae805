"""``log.csv``: a row for each epoch, with the columns of the reference."""

import csv
import io
from collections.abc import Sequence

from ich_resources.hemorrhage import CLASSES
from ich_resources.training.results import EpochResult

COLUMNS = (
    "Epoch",
    "Learning rate",
    "Time",
    "Train Loss",
    "Val Loss",
    *(f"AUC {name}" for name in CLASSES),
    *(f"Loss {name}" for name in CLASSES),
    "Loss mean",
    "Weighted log loss",
)
"""``Loss mean`` is the unweighted mean over the classes; the last column is ours."""
_NONE_READ: tuple[None, ...] = (None,) * len(CLASSES)


def log_csv(history: Sequence[EpochResult]) -> bytes:
    """Return the table; cells of epochs that were not validated are empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for result in history:
        losses = result.losses or _NONE_READ
        known = [loss for loss in losses if loss is not None]
        numbers = [
            result.train_loss,
            result.validation_loss,
            *(result.aucs or _NONE_READ),
            *losses,
            sum(known) / len(known) if known else None,
            result.weighted_log_loss,
        ]
        row = [str(result.epoch), f"{result.rate:.6g}", f"{result.seconds:.1f}"]
        table.writerow(row + ["" if n is None else f"{n:.6f}" for n in numbers])
    return text.getvalue().encode()
