"""Checks of a data set: contradictions and leaks block; doubts warn."""

from typing import Any

import dagster as dg

from ich_assets.learning.dataset import labelled_slices
from ich_assets.learning.fold_list import folds
from ich_resources.dataset.fold_table import read_fold_rows
from ich_resources.dataset.folds import in_several_folds
from ich_resources.dataset.table import read_slices
from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Labels
from ich_resources.steps import FOLD_LIST, LABELLED_SLICES
from ich_resources.storage.dataset_schemas import FoldsContent, LabelledSlicesContent
from ich_resources.storage.resource import TrainRootResource
from ich_resources.subjects import training_subject

_AGAIN = "run ich_dataset again"
_WARN = dg.AssetCheckSeverity.WARN
_LISTED = 20
"""Identifiers of slices that a check lists at most."""


def _result(
    context: dg.AssetCheckExecutionContext,
    fault: str,
    *,
    warns: bool = False,
    **metadata: Any,
) -> dg.AssetCheckResult:
    """Return the result of a check; its fault, if there is one, is also a line of the terminal."""
    if fault:
        (context.log.warning if warns else context.log.error)(fault)
        metadata["fault"] = fault
    severity = _WARN if warns else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        passed=not fault, severity=severity, description=fault or None, metadata=metadata
    )


def _slices_record(train_root: TrainRootResource) -> LabelledSlicesContent:
    record = train_root.records.find_as(training_subject(), LABELLED_SLICES, LabelledSlicesContent)
    if record is None:
        raise DatasetError("there is no valid table of labelled slices", remedy=_AGAIN)
    return record.content


def _folds_record(train_root: TrainRootResource) -> FoldsContent:
    record = train_root.records.find_as(training_subject(), FOLD_LIST, FoldsContent)
    if record is None:
        raise DatasetError("there is no valid list of folds", remedy=_AGAIN)
    return record.content


@dg.asset_check(asset=labelled_slices, blocking=True)
def labels_consistent(
    context: dg.AssetCheckExecutionContext, train_root: TrainRootResource
) -> dg.AssetCheckResult:
    """Labels and slices belong together, up to ``dataset.max_unmatched``.

    A label whose slice was found and is refused or failed does not count: it is listed with its
    code. Labels that contradict each other are an error before this check.
    """
    found = _slices_record(train_root)
    fault = ""
    if found.unmatched_share > found.max_unmatched:
        fault = (
            f"{found.without_slice} of {found.labels} labels have no slice, and "
            f"{found.without_label} of {found.slices} slices have no labels; dataset.max_unmatched "
            f"allows {found.max_unmatched:.1%}. unmatched.csv in {train_root.layout.dataset} lists "
            "them -> add the missing folders or labels, or raise dataset.max_unmatched"
        )
    return _result(
        context,
        fault,
        labels_without_slice=found.without_slice,
        slices_without_label=found.without_label,
        labels_of_slices_not_used=found.not_used,
        duplicates_dropped=found.duplicates,
        ties_left_out=found.ties,
        share=found.unmatched_share,
    )


@dg.asset_check(asset=labelled_slices, blocking=True)
def label_any_is_max(
    context: dg.AssetCheckExecutionContext, train_root: TrainRootResource
) -> dg.AssetCheckResult:
    """``any`` is 1 exactly where a subtype is 1, where both are given."""
    layout = train_root.layout
    slices = read_slices(layout.slices, layout.train_root)
    known = Labels("slice", slices.slices, slices.labels)
    below, without = known.any_below_subtype(), known.any_without_subtype()
    fault = ""
    if below or without:
        first = (*below, *without)[0]
        fault = (
            f"any is 0 beside a subtype that is 1 in {len(below)} slices, and 1 beside five "
            f"subtypes that are 0 in {len(without)} slices; the first is {first} -> mend the labels"
        )
    return _result(context, fault, slices=dg.MetadataValue.json([*below, *without][:_LISTED]))


@dg.asset_check(asset=labelled_slices)
def patients_known(
    context: dg.AssetCheckExecutionContext, train_root: TrainRootResource
) -> dg.AssetCheckResult:
    """The patient of every study is known. Otherwise a patient may be in two folds unseen."""
    found = _slices_record(train_root)
    fault = ""
    if found.by_study:
        fault = (
            f"{found.by_study} of {found.studies} studies have no known patient, so their folds "
            "are by study: if two of them are of one patient, results look better than they are "
            "-> give dataset.groups, if you know the patients"
        )
    return _result(context, fault, warns=True, patient_key=found.patient_key)


@dg.asset_check(asset=labelled_slices)
def wrapped_12bit(
    context: dg.AssetCheckExecutionContext, train_root: TrainRootResource
) -> dg.AssetCheckResult:
    """No slice is left out because its values were wrapped to 12 bits."""
    found = _slices_record(train_root)
    fault = ""
    if found.wrapped_12bit:
        fault = (
            f"{found.wrapped_12bit} slices are not used, since their values were wrapped to 12 "
            "bits -> set dicom.mend_12bit: true to mend and use them"
        )
    return _result(context, fault, warns=True, mended=found.mended_12bit)


@dg.asset_check(asset=folds, blocking=True)
def patients_in_one_fold(
    context: dg.AssetCheckExecutionContext, train_root: TrainRootResource
) -> dg.AssetCheckResult:
    """Every patient of the slices is in exactly one fold."""
    layout = train_root.layout
    rows = read_fold_rows(layout.folds)
    several = in_several_folds([p for p, _ in rows], [fold for _, fold in rows])
    patients = set(read_slices(layout.slices, layout.train_root).patients)
    missing = patients - {patient for patient, _ in rows}
    fault = ""
    if several:
        fault = (
            f"{len(several)} of {len(patients)} patients are in several folds: networks would be "
            "judged on patients that they were trained on -> set dataset.folds.source: stratified, "
            "or dataset.patient_key: study to have folds by study"
        )
    elif missing:
        fault = f"{len(missing)} patients are in no fold -> {_AGAIN}"
    return _result(context, fault, patients=len(patients), in_several_folds=len(several))


@dg.asset_check(asset=folds)
def every_class_in_every_fold(
    context: dg.AssetCheckExecutionContext, train_root: TrainRootResource
) -> dg.AssetCheckResult:
    """Every fold has a positive slice of every class. Otherwise its loss says little of the class.

    A class without any positive slice cannot be learned at all.
    """
    counted = _folds_record(train_root).positives
    none = [name for name in CLASSES if not any(counted[name])]
    some = [name for name in CLASSES if name not in none and not all(counted[name])]
    fault = ""
    if none:
        fault = f"no slice is positive for {', '.join(none)}: networks cannot learn it"
    if some:
        fault += "; " if fault else ""
        fault += f"not every fold has a positive slice of {', '.join(some)}"
    fault += " -> add patients with such bleeds" if fault else ""
    shown = {name: list(numbers) for name, numbers in counted.items()}
    return _result(context, fault, warns=True, positive_slices=dg.MetadataValue.json(shown))


DATASET_CHECKS = [
    labels_consistent,
    label_any_is_max,
    patients_known,
    wrapped_12bit,
    patients_in_one_fold,
    every_class_in_every_fold,
]
