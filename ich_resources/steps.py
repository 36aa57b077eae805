"""The processing steps: which exist, what each needs, which have checks.

Everything that walks from step to step reads this table. CONTRIBUTING.md lists what a new step
needs beside its row here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from ich_resources.backbones.table import BACKBONES
from ich_resources.digests import fingerprint

SubjectKind = Literal["series", "training"]
"""Kinds of things that steps work on."""
Option = Literal["sequence", "dicom"]
"""Options that switch a step on: ``networks.sequence``; one of ``results.dicom, key_file``."""

SOURCE = "dicom_series"
"""The input of the first step: the DICOM files of a series."""
PROCESSED = "processed_series"
ENSEMBLE = "ensemble_predictions"
SEQUENCE = "sequence_predictions"
SALIENCY = "saliency_panels"
DICOM_RESULTS = "dicom_results"
"""Steps of a series. The step of a backbone is ``Backbone.predictions_step``."""
PREDICTIONS = "predictions"
"""What the steps of all backbones have in common: code version, formula, record schema."""

DATASET_IMAGES = "dataset_images"
LABELLED_SLICES = "labelled_slices"
FOLD_LIST = "folds"
TRAINED_FOLD = "trained_fold"
OOF_PREDICTIONS = "oof_predictions"
TEST_PREDICTIONS = "test_predictions"
OOF_TABLE = "oof_table"
TRAINED_SEQUENCE = "trained_sequence"
SEQUENCE_OOF = "sequence_oof"
SUBMISSION = "submission"
"""Steps of a training."""

CODE_VERSIONS = {
    PROCESSED: "2",
    PREDICTIONS: "1",
    ENSEMBLE: "1",
    SEQUENCE: "1",
    SALIENCY: "1",
    DICOM_RESULTS: "1",
    DATASET_IMAGES: "1",
    LABELLED_SLICES: "1",
    FOLD_LIST: "1",
    TRAINED_FOLD: "1",
    OOF_PREDICTIONS: "1",
    TEST_PREDICTIONS: "1",
    OOF_TABLE: "1",
    TRAINED_SEQUENCE: "1",
    SEQUENCE_OOF: "1",
    SUBMISSION: "1",
}
"""Raise a number when the code of that step changes the files that the step writes."""


@dataclass(frozen=True)
class Step:
    """One processing step.

    Attributes
    ----------
    name : str
        Name of its asset, its record and its array.
    code : str
        Key of its code version, its formula and its record schema.
    needs : tuple of str
        Steps whose results it reads, or ``SOURCE``.
    has_checks : bool
        Whether asset checks look at its result.
    runs_networks : bool
        Whether it needs networks in memory.
    backbone : str
        The backbone that it belongs to. It is left out where that backbone is not chosen.
    subject : {"series", "training"}
        What it works on.
    option : {"sequence", "dicom"} or None
        The option that switches it on. It is left out where that option is off.
    after_scoring : bool
        Whether a series is done without it.
    """

    name: str
    code: str
    needs: tuple[str, ...]
    has_checks: bool = False
    runs_networks: bool = False
    backbone: str = ""
    subject: SubjectKind = "series"
    option: Option | None = None
    after_scoring: bool = False


_PREDICTIONS = tuple(
    Step(b.predictions_step, PREDICTIONS, (PROCESSED,), runs_networks=True, backbone=b.name)
    for b in BACKBONES.values()
)
STEPS = (
    Step(PROCESSED, PROCESSED, (SOURCE,), has_checks=True),
    *_PREDICTIONS,
    Step(ENSEMBLE, ENSEMBLE, tuple(step.name for step in _PREDICTIONS), has_checks=True),
    Step(
        SEQUENCE,
        SEQUENCE,
        (PROCESSED, *(step.name for step in _PREDICTIONS)),
        option="sequence",
    ),
    Step(SALIENCY, SALIENCY, (PROCESSED, ENSEMBLE, SEQUENCE), has_checks=True, runs_networks=True),
    Step(
        DICOM_RESULTS,
        DICOM_RESULTS,
        (SOURCE, PROCESSED, ENSEMBLE, SEQUENCE, SALIENCY),
        option="dicom",
        after_scoring=True,
    ),
)
"""Every step of a series; each stands after the steps that it needs.

Where ``SEQUENCE`` is on, it takes the place of ``ENSEMBLE`` in the tables and in the bars of the
panels.
"""


def _of_training(
    name: str, *needs: str, has_checks: bool = False, runs_networks: bool = False
) -> Step:
    return Step(
        name, name, needs, has_checks=has_checks, runs_networks=runs_networks, subject="training"
    )


TRAINING_STEPS: tuple[Step, ...] = (
    _of_training(DATASET_IMAGES, SOURCE),
    _of_training(LABELLED_SLICES, DATASET_IMAGES, has_checks=True),
    _of_training(FOLD_LIST, LABELLED_SLICES, has_checks=True),
    _of_training(TRAINED_FOLD, FOLD_LIST, has_checks=True, runs_networks=True),
    _of_training(OOF_PREDICTIONS, TRAINED_FOLD, runs_networks=True),
    _of_training(TEST_PREDICTIONS, TRAINED_FOLD, runs_networks=True),
    _of_training(OOF_TABLE, OOF_PREDICTIONS, has_checks=True),
    _of_training(TRAINED_SEQUENCE, OOF_TABLE, runs_networks=True),
    _of_training(SEQUENCE_OOF, TRAINED_SEQUENCE, runs_networks=True),
    _of_training(SUBMISSION, TEST_PREDICTIONS, TRAINED_SEQUENCE),
)
"""Every step below TRAIN_ROOT; each stands after the steps that it needs.

No walk goes along these rows: ``storage.chain.walk`` is for the steps of one subject, and here
steps of all folds follow steps of one. ``ich_assets.learning.holding`` and ``sequence_holding``
have a function for each step whose result may be taken again; it asks the one of the step before.
``DATASET_IMAGES`` has a record for each series and no asset: ``LABELLED_SLICES`` makes it.
``SUBMISSION`` reads ``TRAINED_SEQUENCE`` with ``source: sequence`` alone.
"""

BY_NAME: Mapping[str, Step] = {step.name: step for step in (*STEPS, *TRAINING_STEPS)}


def steps_of(subject: SubjectKind) -> tuple[Step, ...]:
    """Return the steps of a kind of subject, in order."""
    return tuple(step for step in BY_NAME.values() if step.subject == subject)


def chosen_steps(backbones: Collection[str], options: Collection[Option] = ()) -> tuple[Step, ...]:
    """Return the steps of a series in order, without those that are not chosen.

    Parameters
    ----------
    backbones : collection of str
        Names of the chosen backbones.
    options : collection of {"sequence", "dicom"}
        Those that are on.
    """
    named = (step for step in STEPS if not step.backbone or step.backbone in backbones)
    return tuple(step for step in named if step.option is None or step.option in options)


def shown_step(*, sequence: bool) -> str:
    """Return the step whose probabilities the tables and the panels show.

    Parameters
    ----------
    sequence : bool
        Whether the sequence models are chosen.
    """
    return SEQUENCE if sequence else ENSEMBLE


def first_steps(subject: SubjectKind = "series") -> tuple[str, ...]:
    """Return the steps of a kind of subject that need no other step."""
    return tuple(s.name for s in steps_of(subject) if BY_NAME.keys().isdisjoint(s.needs))


def final_steps(subject: SubjectKind = "series") -> tuple[str, ...]:
    """Return the steps of a kind of subject that no other step needs: the subject is then done."""
    scoring = [step for step in BY_NAME.values() if not step.after_scoring]
    needed = {need for step in scoring for need in step.needs}
    return tuple(s.name for s in scoring if s.subject == subject and s.name not in needed)


def ensemble_digest(predictions: Mapping[str, str], calibration: str | None = None) -> str:
    """Return the inputs digest of the ensemble.

    Parameters
    ----------
    predictions : mapping of str to str
        Data version of the predictions of each backbone, by the backbone's name.
    calibration : str or None
        ``judged.Calibration.sha256``, where one is set. Otherwise it is not part of the digest.
    """
    inputs = {"code": CODE_VERSIONS[ENSEMBLE], "backbones": dict(predictions)}
    return fingerprint(inputs | ({} if calibration is None else {"calibration": calibration}))


def sequence_digest(
    versions: Mapping[str, str], models: Collection[str], calibration: str | None = None
) -> str:
    """Return the inputs digest of the sequence models' predictions.

    Parameters
    ----------
    versions : mapping of str to str
        Data version of the processed series and of each backbone's predictions, by step.
    models : collection of str
        SHA-256 of each sequence checkpoint, in order.
    calibration : str or None
        As for ``ensemble_digest``.
    """
    inputs = {"code": CODE_VERSIONS[SEQUENCE], "from": dict(versions), "models": list(models)}
    return fingerprint(inputs | ({} if calibration is None else {"calibration": calibration}))
