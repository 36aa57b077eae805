"""Whether predictions out of fold mean anything, where a training begins with released weights.

The released checkpoints have seen the RSNA 2019 data, by folds of their own. A training that begins
with them and holds out other folds holds out nothing. A checkpoint of one's own training names the
studies that it has seen, so there each study is compared.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from ich_assets.learning.data_set import DataSet
from ich_assets.learning.resources import LearningResources
from ich_resources.errors import IchError
from ich_resources.steps import FOLD_LIST
from ich_resources.storage.records import Records
from ich_resources.subjects import training_subject
from ich_resources.training.initial_files import InitialFile
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
    recipe: Recipe,
    initial: InitialFile,
    data: DataSet,
    records: Records,
    *,
    accept_leak: bool,
) -> InitialFile:
    """Check that the first weights of a training have not seen the slices that it holds out.

    Parameters
    ----------
    recipe : Recipe
        Its ``init`` and fold count.
    initial : InitialFile
        The first weights. A checkpoint of one's own training names the studies it has seen.
    data : DataSet
        The data set and its folds.
    records : Records
        Those of the training root. They say where the folds come from.
    accept_leak : bool
        Whether a person has accepted that predictions out of fold are worthless.

    Returns
    -------
    InitialFile
        The same, which says whether there is a leak. Every table then says so.

    Raises
    ------
    IchError
        If there is a leak, and nobody has accepted it.
    """
    why = _why_leaking(recipe, initial, data, records)
    if why and not accept_leak:
        raise IchError(
            f"init is released: {why}, so predictions out of fold would be of slices that the "
            "first weights have seen",
            path=initial.path,
            remedy="take the folds of those checkpoints (dataset.folds.source lists, for the "
            "released ones), or set init to imagenet, or accept_leak to true: every table then "
            "says that its numbers are worthless",
        )
    return replace(initial, leak=bool(why))


def _why_leaking(recipe: Recipe, initial: InitialFile, data: DataSet, records: Records) -> str:
    """Return why the first weights may have seen what is held out; empty where they have not."""
    if recipe.init != "released":
        return ""
    trained = initial.trained
    held_out = {data.slices.studies[row] for row in data.rows(recipe.fold).tolist()}
    if trained is not None:
        seen = sum(trained.was_trained_on(study) for study in held_out)
        if seen:
            return (
                f"the checkpoint was trained on {seen} of the {len(held_out)} studies that fold "
                f"{recipe.fold} holds out"
            )
        if trained.init != "released":
            return ""
    if not is_of_rsna(data.slices.slices) or folds_of_release(records):
        return ""
    return "the released checkpoints have seen the RSNA data with folds of their own"


def honest_initial(resources: LearningResources, recipe: Recipe, data: DataSet) -> InitialFile:
    """Find and digest the first weights, and check them; see ``require_honest``.

    Parameters
    ----------
    resources : LearningResources
        ``accept_leak``, and the training root, whose records say where the folds come from.
    recipe : Recipe
        ``init`` says where the weights come from; ``fold`` is what they must not have seen.
    data : DataSet
        The data set and its folds.

    Raises
    ------
    CheckpointError
        If the file is missing, or is not the right one.
    IchError
        If it has seen what the fold holds out, and nobody has accepted that.
    """
    initial = resources.training.initial(recipe)
    accept, records = resources.training.accept_leak, resources.train_root.records
    return require_honest(recipe, initial, data, records, accept_leak=accept)
