"""Predictions out of fold as an evaluation takes them: of 2D networks, or of sequence models."""

from typing import Literal

import numpy as np

from ich_assets.learning.data_set import data_set
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.backbones.trained_file import read_trained
from ich_resources.errors import IchError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import LabelledSlices, Labels
from ich_resources.scores import Scores, Weights
from ich_resources.steps import OOF_TABLE, SEQUENCE_OOF, TRAINED_SEQUENCE
from ich_resources.storage.files import is_unchanged
from ich_resources.storage.oof import LEAK_SENTENCE, FloatArray, read_order, read_probabilities
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.sequence_schemas import (
    SequenceOofContent,
    TrainedSequenceContent,
    sequence_subject,
)
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.storage.training_table_schemas import OofTableContent
from ich_resources.subjects import training_subject
from ich_resources.uids import slice_stem
from ich_resources.worth import least

Source = Literal["2d", "sequence"]

_TABLE = "materialise oof_table (ich_train makes it)"
SEQUENCE_REMEDY = "run ich_sequence, which makes what is missing, or judge the source 2d"


def oof_scores(train_root: TrainRootResource, source: Source) -> Scores:
    """Return the predictions out of fold of every slice of the data set.

    Parameters
    ----------
    train_root : TrainRootResource
        The training root.
    source : {"2d", "sequence"}
        The mean over the 2D networks, or the sequence models.

    Raises
    ------
    IchError
        If there are none, or they are of other slices than the data set.
    """
    layout, table = train_root.layout, require_table(train_root)
    slices = data_set(layout).slices
    if source == "2d":
        probabilities = _ensemble(layout, slices, table)
    else:
        probabilities = _sequence(train_root, slices, table)
    return Scores(
        tuple(slice_stem(uid) for uid in slices.slices),
        slices.series,
        slices.studies,
        probabilities.astype(np.float64),
        weights_of(layout, table.content, source),
        origin="the predictions out of fold",
    )


def oof_labels(slices: LabelledSlices) -> Labels:
    """Return the labels of the data set, without slices that no one has read."""
    rows = np.flatnonzero(slices.labelled).tolist()
    ids = tuple(slices.slices[row] for row in rows)
    patients = {slices.slices[row]: slices.patients[row] for row in rows}
    return Labels("slice", ids, slices.labels[rows], patients)


def require_table(train_root: TrainRootResource) -> Record[OofTableContent]:
    """Return the record of the table of predictions out of fold.

    Raises
    ------
    IchError
        If there is none.
    """
    made = train_root.records.find_as(training_subject(), OOF_TABLE, OofTableContent)
    if made is None:
        raise IchError("the table of predictions out of fold is missing", remedy=_TABLE)
    return made


def _ensemble(
    layout: TrainingLayout, slices: LabelledSlices, made: Record[OofTableContent]
) -> FloatArray:
    """Return the mean over 2D networks, float32 of shape (n, 6).

    Raises
    ------
    IchError
        If the table is damaged, or of other slices.
    """
    path = layout.oof_order
    table = read_order(path, _TABLE)
    known = is_unchanged(path, made.sha256(layout.steps.relative(path)) or "")
    if tuple(table["slice"]) != slices.slices or not set(CLASSES) <= set(table.columns):
        raise IchError(
            "the predictions out of fold are of other slices than the data set",
            path=path,
            remedy=_TABLE,
        )
    if not known:
        raise IchError(
            "the table of predictions out of fold is damaged or was changed",
            path=path,
            remedy=_TABLE,
        )
    return table[list(CLASSES)].to_numpy().astype(np.float32)


def sequence_records(
    train_root: TrainRootResource, table: Record[OofTableContent]
) -> list[tuple[str, Record[SequenceOofContent]]]:
    """Return the checkpoint of the sequence models of each fold, and the record of its predictions.

    Raises
    ------
    IchError
        If one is missing, or was made from another table; it names the folds.
    """
    records, found, missing, stale = train_root.records, [], [], []
    for fold in range(FOLDS):
        subject = sequence_subject(fold)
        trained = records.find_as(subject, TRAINED_SEQUENCE, TrainedSequenceContent)
        made = records.find_as(subject, SEQUENCE_OOF, SequenceOofContent)
        if trained is None or made is None:
            missing.append(str(fold))
            continue
        checkpoint = trained.content.checkpoint
        of_table = trained.content.was_made_from({OOF_TABLE: table.data_version}, "")
        if not of_table or not made.content.was_made_from({TRAINED_SEQUENCE: checkpoint}, ""):
            stale.append(str(fold))
        found.append((checkpoint, made))
    if missing:
        raise IchError(
            "the predictions out of fold of the sequence models are missing: fold "
            f"{', '.join(missing)}",
            remedy=SEQUENCE_REMEDY,
        )
    if stale:
        raise IchError(
            "the sequence models were trained on other predictions than those of the table: fold "
            f"{', '.join(stale)}",
            remedy=SEQUENCE_REMEDY,
            code="STALE",
        )
    return found


def _sequence(
    train_root: TrainRootResource, slices: LabelledSlices, table: Record[OofTableContent]
) -> FloatArray:
    """Return the probabilities of the sequence models, float32 of shape (n, 6).

    Raises
    ------
    IchError
        If they are missing, damaged, or of other slices.
    """
    layout, rows = train_root.layout, {uid: row for row, uid in enumerate(slices.slices)}
    values = np.full((len(rows), len(CLASSES)), np.nan, np.float32)
    for fold, (_, made) in enumerate(sequence_records(train_root, table)):
        array, order = layout.sequence_oof(fold)
        names = read_order(order, SEQUENCE_REMEDY, ("slice",))["slice"]
        place = [rows.get(uid, -1) for uid in names]
        whole = all(
            is_unchanged(path, made.sha256(layout.steps.relative(path)) or "")
            for path in (array, order)
        )
        if not whole or -1 in place or not np.isnan(values[place]).all():
            raise IchError(
                f"the predictions of the sequence models of fold {fold} are damaged, or of other "
                "slices than the data set",
                path=array,
                remedy=SEQUENCE_REMEDY,
            )
        values[place] = read_probabilities(array, len(place), SEQUENCE_REMEDY)
    if np.isnan(values).any():
        raise IchError(
            f"{int(np.isnan(values).any(axis=1).sum())} slices have no prediction of the sequence "
            "models",
            path=layout.sequence_oof(0)[0].parent,
            remedy=SEQUENCE_REMEDY,
        )
    return values


def weights_of(layout: TrainingLayout, made: OofTableContent, source: Source) -> Weights:
    """Return the networks behind predictions out of fold, for the first line of files.

    Parameters
    ----------
    layout : TrainingLayout
        Where their checkpoints lie.
    made : OofTableContent
        The record of the table.
    source : {"2d", "sequence"}
        The 2D networks alone, or the sequence models on top of them.
    """
    files = [
        layout.checkpoint(BACKBONES[name], fold) for name in made.backbones for fold in range(FOLDS)
    ]
    trained = [read_trained(path) for path in files]
    text = f"out of fold: {' + '.join(made.backbones)}"
    if source == "sequence":
        text += "; sequence models"
    if made.accept_leak:
        text += f"; {LEAK_SENTENCE}"
    return Weights(text, least(one.trained_on for one in trained if one is not None))
