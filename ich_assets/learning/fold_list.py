"""folds: which patients are held out together."""

import time

import dagster as dg
import numpy as np

from ich_assets.learning.progress import naming_train_root
from ich_resources.dataset.fold_table import folds_bytes
from ich_resources.dataset.folds import COUNT, in_several_folds, positives
from ich_resources.dataset.resource import DatasetResource
from ich_resources.dataset.table import read_slices
from ich_resources.digests import fingerprint
from ich_resources.steps import BY_NAME, CODE_VERSIONS, FOLD_LIST
from ich_resources.storage.dataset_schemas import FoldsContent
from ich_resources.storage.files import write_bytes
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.subjects import training_subject

_WHOLE = training_subject()


@dg.asset(
    name=FOLD_LIST,
    group_name="learning",
    deps=list(BY_NAME[FOLD_LIST].needs),
    kinds={"scikitlearn", "csv"},
    code_version=CODE_VERSIONS[FOLD_LIST],
)
def folds(
    context: dg.AssetExecutionContext, dataset: DatasetResource, train_root: TrainRootResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Divide the patients into five folds, each with about as many of every kind of bleed.

    All slices of a patient are in one fold, so that no network is judged on a patient that it was
    trained on. The same patients give the same folds.
    """
    started = time.perf_counter()
    layout, records = train_root.layout, train_root.records
    with naming_train_root(), records.working_on(_WHOLE, FOLD_LIST):
        slices = read_slices(layout.slices, layout.train_root)
        rows = dataset.fold_rows(slices)
        records.begin(_WHOLE, FOLD_LIST)
        write_bytes(layout.folds, folds_bytes(rows), durable=True)
        fold_of = dict(rows)
        rows_of = np.array([fold_of[patient] for patient in slices.patients], np.int64)
        counted = positives(slices.labels, rows_of)
        several = in_several_folds(*zip(*rows, strict=True))
        content = FoldsContent(
            slices=slices.version,
            source=dataset.folds.source,
            patients=tuple(sum(f == fold for _, f in rows) for fold in range(COUNT)),
            in_several=len(several),
            positives={name: tuple(numbers) for name, numbers in counted.items()},
            seconds=round(time.perf_counter() - started, 3),
        )
        inputs = {
            "code": CODE_VERSIONS[FOLD_LIST],
            "slices": slices.version,
            "source": dataset.folds.source,
            "rows": rows,
        }
        # A training names its list of folds by the same digest.
        version = fingerprint({"rows": rows} if several else fold_of)
        names = (layout.steps.relative(layout.folds),)
        records.finish(_WHOLE, FOLD_LIST, Record(fingerprint(inputs), version, names, content))
    context.log.info(f"Patients of the folds: {', '.join(map(str, content.patients))}")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "folds.csv": dg.MetadataValue.path(str(layout.folds)),
            "source": content.source,
            "patients": dg.MetadataValue.json(list(content.patients)),
            "positive_slices": dg.MetadataValue.json(
                {name: list(numbers) for name, numbers in content.positives.items()}
            ),
        },
    )
