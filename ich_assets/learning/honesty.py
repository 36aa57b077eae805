"""Whether predictions out of fold mean anything, where a training begins with released weights.

The released checkpoints have seen the RSNA 2019 data, by folds of their own. A training that begins
with them and holds out other folds holds out nothing.
"""

import re
from collections.abc import Iterable

from ich_resources.errors import IchError
from ich_resources.labels import LabelledSlices
from ich_resources.steps import FOLD_LIST
from ich_resources.storage.records import Records
from ich_resources.subjects import training_subject
from ich_resources.training.recipe import Recipe

_OF_RSNA = re.compile(r"ID_[0-9a-f]{9}", re.ASCII)
"""Identifiers of the slices of the RSNA 2019 data."""


def is_of_rsna(slices: Iterable[str]) -> bool:
    """Return whether identifiers of slices are those of the RSNA 2019 data."""
    return any(_OF_RSNA.fullmatch(uid) for uid in slices)


def folds_of_release(records: Records) -> bool:
    """Return whether the folds of a training root are those of the released checkpoints."""
    record = records.find(training_subject(), FOLD_LIST)
    return record is not None and getattr(record.content, "source", "") == "lists"


def require_honest(
    recipe: Recipe, slices: LabelledSlices, records: Records, *, accept_leak: bool
) -> bool:
    """Check that the first weights of a training have not seen the slices that it holds out.

    Parameters
    ----------
    recipe : Recipe
        Its ``init`` counts.
    slices : LabelledSlices
        The data set.
    records : Records
        Those of the training root. They say where the folds come from.
    accept_leak : bool
        Whether a person has accepted that predictions out of fold are worthless.

    Returns
    -------
    bool
        Whether there is such a leak. Every table then says so.

    Raises
    ------
    IchError
        If there is a leak, and nobody has accepted it.
    """
    if recipe.init != "released" or not is_of_rsna(slices.slices) or folds_of_release(records):
        return False
    if not accept_leak:
        raise IchError(
            "init is released: those checkpoints have seen the RSNA data with folds of their own, "
            "so predictions out of fold would be of slices that they were trained on",
            remedy="set folds.source to lists, or init to imagenet, or accept_leak to true: every "
            "table then says that its numbers are worthless",
        )
    return True
