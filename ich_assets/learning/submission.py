"""submission: the probabilities of the test set in Kaggle's form, and the reference's tables."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import dagster as dg
import numpy as np
from pydantic import Field

from ich_assets.learning.data_set import test_set
from ich_assets.learning.holding import missing_partitions, test_records
from ich_assets.learning.predicted import merged_path, read_fold
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.sequence_test import sequence_digests, sequence_test_probabilities
from ich_assets.learning.training_digests import table_digest
from ich_assets.runtime.retries import retrying_transient_errors
from ich_assets.training_partitions import all_partitions, chosen_backbones
from ich_resources.backbones.table import FOLDS, Backbone
from ich_resources.dataset.kaggle import KaggleRows, read_rows, rows_bytes
from ich_resources.digests import file_sha256, fingerprint
from ich_resources.errors import DatasetError, IchError, StorageError
from ich_resources.hemorrhage import CLASSES
from ich_resources.plain_text import one_line
from ich_resources.steps import BY_NAME, CODE_VERSIONS, SUBMISSION, TEST_PREDICTIONS
from ich_resources.storage.files import write_bytes
from ich_resources.storage.layout import slice_id
from ich_resources.storage.oof import FloatArray, single_model_table, write_table
from ich_resources.storage.record import Record
from ich_resources.storage.training_table_schemas import SubmissionContent
from ich_resources.subjects import training_subject

Source = Literal["2d", "sequence"]


class SubmissionConfig(dg.Config):
    """What is handed in, and in which order."""

    backbones: list[str] = Field(
        default=[],
        description="Short names of the backbones; empty: all. All five folds of each must have "
        "their predictions.",
    )
    source: Source = Field(
        default="2d", description="Mean of the 2D networks, or the sequence models."
    )
    sample: str = Field(
        default="",
        description="A sample submission. The rows then have its order, and an image without a "
        "prediction is an error. Empty: the reference's order, grouped by class.",
    )


@dg.asset(
    name=SUBMISSION,
    group_name="training",
    deps=all_partitions(BY_NAME[SUBMISSION].needs),
    kinds={"csv"},
    code_version=CODE_VERSIONS[SUBMISSION],
    required_resource_keys=LEARNING_RESOURCES,
)
def submission(context: dg.AssetExecutionContext, config: SubmissionConfig) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The probabilities of the test set in Kaggle's form, six rows for each image."""
    resources = LearningResources.of(context)
    records = resources.train_root.records
    with (
        retrying_transient_errors(context),
        naming_train_root(),
        records.working_on(training_subject(), SUBMISSION),
    ):
        record = _submit(resources, config)
    layout = resources.train_root.layout
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version),
        metadata={
            "images": record.content.images,
            "source": record.content.source,
            "order": record.content.order,
            "submission": dg.MetadataValue.path(str(layout.submission)),
            **({"accept_leak": True} if record.content.accept_leak else {}),
        },
    )


def _submit(resources: LearningResources, config: SubmissionConfig) -> Record[SubmissionContent]:
    started = time.perf_counter()
    layout, records = resources.train_root.layout, resources.train_root.records
    backbones = chosen_backbones(config.backbones)
    found = test_records(resources, backbones)
    _require_all(backbones, found)
    slices = [slice_id(uid) for uid in test_set(layout).slices]
    arrays = {backbone: _over_folds(resources, backbone) for backbone in backbones}
    values = _SOURCES[config.source](resources, arrays)
    sample = read_rows(Path(config.sample).expanduser()) if config.sample else None
    content = _in_order(slices, values) if sample is None else _as_sample(sample, slices, values)
    made = SubmissionContent(
        seconds=round(time.perf_counter() - started, 3),
        source=config.source,
        order="reference" if sample is None else "sample",
        images=len(slices) if sample is None else len(sample.slices),
        accept_leak=any(record.content.accept_leak for record in found.values()),
    )
    records.begin(training_subject(), SUBMISSION)
    write_bytes(layout.submission, content, durable=True)
    paths = [layout.submission]
    for backbone, mean in arrays.items():
        paths.append(merged_path(resources, backbone, "test"))
        table = single_model_table(
            test_set(layout).slices, mean, leak=made.accept_leak, filename_first=True
        )
        write_table(paths[-1], table)
    digest = _digest(resources, config, {p: r.data_version for p, r in found.items()})
    version = fingerprint({"submission": file_sha256(layout.submission)})
    names = tuple(layout.steps.relative(path) for path in paths)
    record = Record(digest, version, names, made)
    records.finish(training_subject(), SUBMISSION, record)
    return record


def _digest(
    resources: LearningResources, config: SubmissionConfig, versions: Mapping[str, str]
) -> str:
    images = test_set(resources.train_root.layout).version
    sample = file_sha256(Path(config.sample).expanduser()) if config.sample else ""
    made_from = table_digest(SUBMISSION, versions, images)
    sequence = sequence_digests(resources) if config.source == "sequence" else []
    return fingerprint(
        {"from": made_from, "source": config.source, "sample": sample, "sequence": sequence}
    )


def _require_all(backbones: Sequence[Backbone], found: Mapping[str, object]) -> None:
    """Check that every fold of some backbones has predicted the test set.

    Raises
    ------
    IchError
        If one has not; it names them.
    """
    missing = missing_partitions(backbones, found)
    if missing:
        raise IchError(
            f"{TEST_PREDICTIONS} are missing or stale for {len(missing)} of "
            f"{len(backbones) * FOLDS} partitions: {', '.join(missing)}",
            remedy="run ich_submission, which makes what is missing, or name fewer backbones",
            code="STALE",
        )


def _over_folds(resources: LearningResources, backbone: Backbone) -> FloatArray:
    """Return the mean over the folds of a backbone, in the order of the test set.

    Raises
    ------
    StorageError
        If a fold has predicted other slices.
    """
    layout = resources.train_root.layout
    rows = {uid: row for row, uid in enumerate(test_set(layout).slices)}
    total = np.zeros((len(rows), len(CLASSES)), np.float64)
    for fold in range(FOLDS):
        order, probabilities = read_fold(resources, "test", backbone, fold)
        if len(order) != len(rows) or set(order) != set(rows):
            raise StorageError(
                "the predictions are of other slices than the test set",
                path=layout.test(backbone, fold).order,
                remedy=f"materialise {TEST_PREDICTIONS} again",
            )
        total[[rows[uid] for uid in order]] += probabilities
    return (total / FOLDS).astype(np.float32)


def _of_networks(resources: LearningResources, arrays: Mapping[Backbone, FloatArray]) -> FloatArray:
    stacked = np.stack(list(arrays.values()))
    return np.asarray(np.mean(stacked, axis=0, dtype=np.float64), np.float32)


def _of_sequence(resources: LearningResources, arrays: Mapping[Backbone, FloatArray]) -> FloatArray:
    return sequence_test_probabilities(resources, list(arrays))


_SOURCES: dict[Source, Callable[[LearningResources, Mapping[Backbone, FloatArray]], FloatArray]] = {
    "2d": _of_networks,
    "sequence": _of_sequence,
}
"""What turns the predictions of the backbones into one probability for each slice and class."""


def _in_order(slices: Sequence[str], values: FloatArray) -> bytes:
    """Return the rows grouped by class, the images of each class sorted, as the reference does."""
    order = sorted(range(len(slices)), key=slices.__getitem__)
    ids = tuple(slices[row] for row in order)
    return rows_bytes(ids, [_texts(values[row]) for row in order], "class")


def _as_sample(sample: KaggleRows, slices: Sequence[str], values: FloatArray) -> bytes:
    """Return the rows of a sample submission in its order.

    Raises
    ------
    DatasetError
        If an image of the sample has no prediction; it is named.
    """
    rows = {name: row for row, name in enumerate(slices)}
    missing = [name for name in sample.slices if name not in rows]
    if missing:
        raise DatasetError(
            f"{len(missing)} images of the sample submission have no prediction, the first is "
            f"{one_line(missing[0])}",
            remedy="prepare all images of the test set (ich_dataset), or use the sample that "
            "belongs to it",
        )
    texts = [_texts(values[rows[name]]) for name in sample.slices]
    lines = [
        f"{sample.slices[image]}_{CLASSES[number]},{texts[image][number]}\n"
        for image, number in sample.rows.tolist()
    ]
    return "".join(["ID,Label\n", *lines]).encode()


def _texts(values: FloatArray) -> list[str]:
    return [str(text) for text in values.astype(str)]  # the shortest text that names a float32
