"""Which results of the sequence models hold: their inputs digests, and the records that fit.

``holding`` says why these steps of the table are followed by hand.
"""

from ich_assets.learning.out_of_fold import OutOfFold
from ich_assets.learning.resources import LearningResources
from ich_resources.backbones.table import FOLDS
from ich_resources.digests import fingerprint
from ich_resources.sequence.recipe import SequenceRecipe
from ich_resources.steps import CODE_VERSIONS, SEQUENCE_OOF, TRAINED_SEQUENCE
from ich_resources.storage.files import is_unchanged
from ich_resources.storage.record import Record
from ich_resources.storage.sequence_schemas import (
    SequenceOofContent,
    TrainedSequenceContent,
    sequence_subject,
)


def trained_sequence_digest(recipe: SequenceRecipe, oof_table: str) -> str:
    """Return the inputs digest of ``trained_sequence``.

    Parameters
    ----------
    recipe : SequenceRecipe
        All settings.
    oof_table : str
        Data version of the predictions; labels, folds and 2D checkpoints are in it.
    """
    return fingerprint(
        {
            "code": CODE_VERSIONS[TRAINED_SEQUENCE],
            "recipe": recipe.fingerprint,
            "oof_table": oof_table,
        }
    )


def sequence_oof_digest(checkpoint: str) -> str:
    """Return the inputs digest of ``sequence_oof``.

    Parameters
    ----------
    checkpoint : str
        SHA-256 of the sequence checkpoint, which names the predictions that it was trained on.
    """
    return fingerprint({"code": CODE_VERSIONS[SEQUENCE_OOF], "checkpoint": checkpoint})


def current_sequence(
    resources: LearningResources, fold: int, source: OutOfFold | None
) -> Record[TrainedSequenceContent] | None:
    """Return the record of a trained fold if it holds for the current predictions and settings.

    Parameters
    ----------
    resources : LearningResources
        Settings and training root.
    fold : int
        The fold.
    source : OutOfFold or None
        The predictions out of fold; None where they do not hold.
    """
    records = resources.train_root.records
    record = records.find_as(sequence_subject(fold), TRAINED_SEQUENCE, TrainedSequenceContent)
    if record is None or source is None:
        return None
    digest = trained_sequence_digest(resources.sequence.recipe(fold), source.table.data_version)
    path = resources.train_root.layout.sequence_checkpoint(fold)
    whole = is_unchanged(path, record.content.checkpoint)
    return record if record.inputs_digest == digest and whole else None


def recorded_sequences(resources: LearningResources) -> dict[str, str]:
    """Return the SHA-256 of every recorded sequence checkpoint, by its path in the model folder."""
    layout, records, found = resources.train_root.layout, resources.train_root.records, {}
    for fold in range(FOLDS):
        subject = sequence_subject(fold)
        record = records.find_as(subject, TRAINED_SEQUENCE, TrainedSequenceContent)
        if record is not None:
            path = layout.sequence_checkpoint(fold).relative_to(layout.models)
            found[path.as_posix()] = record.content.checkpoint
    return found


def current_sequence_oof(
    resources: LearningResources, fold: int, source: OutOfFold | None
) -> Record[SequenceOofContent] | None:
    """Return the record of a fold's predictions if it and its weights hold, else None.

    Parameters
    ----------
    resources : LearningResources
        Settings and training root.
    fold : int
        The fold.
    source : OutOfFold or None
        The predictions out of fold; None where they do not hold.
    """
    records, layout = resources.train_root.records, resources.train_root.layout
    trained = current_sequence(resources, fold, source)
    record = records.find_as(sequence_subject(fold), SEQUENCE_OOF, SequenceOofContent)
    if trained is None or record is None:
        return None
    whole = all(
        is_unchanged(path, record.sha256(layout.steps.relative(path)) or "")
        for path in layout.sequence_oof(fold)
    )
    holds = record.inputs_digest == sequence_oof_digest(trained.content.checkpoint)
    return record if holds and whole else None
