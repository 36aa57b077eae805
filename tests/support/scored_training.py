"""Records and files of networks that were never trained: what comes after them reads no more.

Probabilities follow the labels through noise, and features hold the probabilities.
"""

from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd

from ich_assets.learning.data_set import data_set, test_set, training_slices
from ich_assets.learning.oof_table import oof_table
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.training_digests import predictions_digest, trained_digest
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.digests import bytes_sha256
from ich_resources.sequence.resource import SequenceResource
from ich_resources.steps import (
    OOF_PREDICTIONS,
    OOF_TABLE,
    SEQUENCE_OOF,
    TEST_PREDICTIONS,
    TRAINED_FOLD,
    TRAINED_SEQUENCE,
)
from ich_resources.storage.arrays import write_array
from ich_resources.storage.files import write_bytes
from ich_resources.storage.oof import ORDER_COLUMNS, write_fold, write_table
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.sequence_schemas import (
    SequenceOofContent,
    TrainedSequenceContent,
    sequence_subject,
)
from ich_resources.storage.training_layout import fold_subject
from ich_resources.storage.training_schemas import OofContent, TestContent, TrainedFoldContent
from ich_resources.subjects import training_subject
from ich_resources.training.resource import TrainingResource
from ich_resources.training.slices import TrainingSlices

WIDTHS = {name: 24 + 8 * number for number, name in enumerate(BACKBONES)}


def learning_resources(root: Path, **settings: object) -> LearningResources:
    """Return the resources of a training root with tiny sequence settings."""
    values = {"epochs": 2, "batch_size": 2, "rate": 1e-3, "device": "cpu"} | settings
    return LearningResources(
        TrainingResource(init="random"),
        TrainRootResource(train_root=str(root)),
        SequenceResource(**values),
    )


def write_scored(resources: LearningResources, *, test: bool = False, leak: bool = False) -> None:
    """Write what ``trained_fold`` and the predictions of each partition leave.

    Parameters
    ----------
    resources : LearningResources
        The training root.
    test : bool
        Whether to write predictions of the test set too.
    leak : bool
        Whether the first weights are said to have seen the slices.
    """
    for backbone in BACKBONES.values():
        for fold in range(FOLDS):
            checkpoint = _trained(resources, backbone, fold)
            _predicted(resources, backbone, fold, checkpoint, test=False, leak=leak)
            if test:
                _predicted(resources, backbone, fold, checkpoint, test=True, leak=leak)


def _trained(resources: LearningResources, backbone: Backbone, fold: int) -> str:
    layout, records = resources.train_root.layout, resources.train_root.records
    data, recipe = data_set(layout), resources.training.recipe(backbone, fold)
    content = f"weights of {backbone.name}, fold {fold}".encode()
    path = layout.checkpoint(backbone, fold)
    write_bytes(path, content)
    made = TrainedFoldContent(
        seconds=0.0,
        backbone=backbone.name,
        fold=fold,
        folds=data.folds_version,
        checkpoint=bytes_sha256(content),
        recipe=recipe.fingerprint,
        init="random",
        initial="",
        epochs=1,
        best_epoch=0,
        weighted_log_loss=0.5,
        prior=0.5,
        slices=1,
        held_out=1,
        device="cpu",
        precision="float32",
    )
    digest = trained_digest(recipe, "", data)
    record = Record(digest, made.checkpoint, (layout.steps.relative(path),), made)
    records.finish(fold_subject(backbone, fold), TRAINED_FOLD, record)
    return made.checkpoint


def _predicted(
    resources: LearningResources,
    backbone: Backbone,
    fold: int,
    checkpoint: str,
    *,
    test: bool,
    leak: bool,
) -> None:
    layout, records = resources.train_root.layout, resources.train_root.records
    subject, recipe = fold_subject(backbone, fold), resources.training.recipe(backbone, fold)
    schema, step = (TestContent, TEST_PREDICTIONS) if test else (OofContent, OOF_PREDICTIONS)
    if test:
        table = test_set(layout)
        slices = training_slices(table, np.arange(len(table.slices)), "series")
    else:
        data = data_set(layout)
        table, slices = data.slices, data.cut(fold, "series")[1]
    probabilities, features = _scores(slices, backbone, fold)
    files = schema.files(layout.steps, subject)
    row = {uid: number for number, uid in enumerate(table.slices)}
    rows = [row[uid] for uid in slices.slices]
    columns = (slices.slices, slices.groups, [table.studies[number] for number in rows])
    order = pd.DataFrame(dict(zip(ORDER_COLUMNS, columns, strict=True)))
    write_fold(files, order, probabilities, features)
    views = resources.training.views(recipe)
    made = schema(
        seconds=0.0,
        backbone=backbone.name,
        fold=fold,
        checkpoint=checkpoint,
        images=table.version,
        slices=len(slices),
        width=features.shape[1],
        views=views.tta,
        device="cpu",
        precision="float32",
        accept_leak=leak,
    )
    digest = predictions_digest(step, checkpoint, views, table.version)
    names = tuple(layout.steps.relative(path) for path in files.all)
    records.finish(subject, step, Record(digest, digest, names, made))


def _scores(slices: TrainingSlices, backbone: Backbone, fold: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng([list(BACKBONES).index(backbone.name), fold])
    evidence = 2 * np.nan_to_num(slices.labels) - 1 + random.normal(size=slices.labels.shape)
    probabilities = (1 / (1 + np.exp(-evidence))).astype(np.float32)
    width = WIDTHS[backbone.name]
    return probabilities, np.tile(probabilities, width // 6 + 1)[:, :width].astype(np.float16)


def write_scored_table(resources: LearningResources) -> None:
    """Write the table over all folds; its blocking checks need real checkpoints."""
    made = dg.materialize(
        [oof_table],
        resources=resources._asdict(),
        selection=dg.AssetSelection.assets(oof_table),
    )
    assert made.success


def write_scored_sequence(resources: LearningResources) -> None:
    """Write what ``trained_sequence`` and ``sequence_oof`` of each fold leave; needs the table."""
    layout, records = resources.train_root.layout, resources.train_root.records
    data, table = data_set(layout), records.find(training_subject(), OOF_TABLE)
    for fold in range(FOLDS):
        path, subject = layout.sequence_checkpoint(fold), sequence_subject(fold)
        write_bytes(path, f"sequence weights of fold {fold}".encode())
        write_bytes(layout.log(subject), b"epoch\n0\n")
        trained = TrainedSequenceContent(
            seconds=0.0,
            fold=fold,
            oof_table=table.data_version,
            checkpoint=bytes_sha256(path.read_bytes()),
            backbones=tuple(BACKBONES),
            recipe="",
            epochs=1,
            best_epoch=0,
            head1=0.5,
            head2=0.5,
            prior=0.5,
            series=1,
            held_out=1,
            without_labels=0,
            device="cpu",
        )
        names = tuple(layout.steps.relative(file) for file in (path, layout.log(subject)))
        record = Record(trained.checkpoint, trained.checkpoint, names, trained)
        records.finish(subject, TRAINED_SEQUENCE, record)
        rows = data.rows(fold)[::-1]  # another order than that of the data set
        labels = data.slices.labels[rows]
        noise = np.random.default_rng([99, fold]).normal(size=labels.shape)
        array, order = layout.sequence_oof(fold)
        write_array(array, (1 / (1 + np.exp(1 - 2 * labels - noise))).astype(np.float32))
        uids = [data.slices.slices[row] for row in rows.tolist()]
        write_table(order, pd.DataFrame({"slice": uids}))
        made = SequenceOofContent(
            seconds=0.0,
            fold=fold,
            checkpoint=trained.checkpoint,
            slices=len(rows),
            series=1,
            weighted_log_loss=0.5,
            prior=0.5,
            device="cpu",
        )
        names = tuple(layout.steps.relative(file) for file in (array, order))
        records.finish(subject, SEQUENCE_OOF, Record(f"oof {fold}", f"oof {fold}", names, made))
