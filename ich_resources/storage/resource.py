"""The run root as a Dagster resource."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from ich_resources.environment import RUN_ROOT, TRAIN_ROOT, folder
from ich_resources.errors import IchError
from ich_resources.last_words import keeping_last_words
from ich_resources.storage.failures import UNCHECKED, begun_by
from ich_resources.storage.layout import Layout
from ich_resources.storage.records import Records
from ich_resources.storage.training_key import training_key
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.subjects import series_subject
from ich_resources.tags import BATCH_TAG, HANG_TAG, PARTITION_TAG
from ich_resources.watch import ending_after

HANG = "HANG"
"""Code of a series whose run took longer than ``inbox.hang_seconds``."""


class StorageResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The run root: every result is below it."""

    run_root: str = Field(
        default="", description="Folder for results. Empty: the environment's RUN_ROOT."
    )

    @cached_property
    def layout(self) -> Layout:
        """Paths below the run root."""
        return Layout(folder(self.run_root, RUN_ROOT, "resources.storage.config.run_root"))

    @cached_property
    def records(self) -> Records:
        """The record of each step of each series."""
        return Records(self.layout)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Any, None, None]:
        """Hold the lock of the series of a run from its first step to its last.

        A run that an executor with a process per step carries out holds it for each step alone; the
        steps then take over what another process has finished.

        Parameters
        ----------
        context : dagster.InitResourceContext
            Its run has the series as partition, or none.
        """
        uid = context.run.tags.get(PARTITION_TAG) if context.run is not None else None
        with ExitStack() as stack:
            if uid is not None:
                # A folder that is not set or cannot be written is the error of the first step.
                with suppress(IchError, ValueError):
                    lock = self.records.holding(series_subject(uid), lambda: _say(context, uid))
                    stack.enter_context(lock)
                    self._watch(context, uid, stack)
            yield self

    def _watch(self, context: dg.InitResourceContext, uid: str, stack: ExitStack) -> None:
        """End the process of a run that the sensor requested, if the series takes too long."""
        run = context.run
        if run is None or HANG_TAG not in run.tags:
            return
        seconds = float(run.tags[HANG_TAG])
        outer = run.tags.get(BATCH_TAG, run.run_id)

        def note() -> None:
            note = begun_by(outer, f"took longer than {seconds:.0f} s for this series", HANG)
            self.records.failures.write(series_subject(uid), UNCHECKED, note)

        stack.enter_context(ending_after(seconds, note))
        with suppress(OSError):  # a full disk is the error of the first step
            stack.enter_context(keeping_last_words(self.layout.last_words(outer)))


class TrainRootResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The training root: everything of a training is below it."""

    train_root: str = Field(
        default="", description="Folder for a training. Empty: the environment's TRAIN_ROOT."
    )

    @cached_property
    def layout(self) -> TrainingLayout:
        """Paths below the training root."""
        root = folder(self.train_root, TRAIN_ROOT, "resources.train_root.config.train_root")
        return TrainingLayout(root)

    @cached_property
    def records(self) -> Records:
        """The record of each step of a training."""
        return Records(self.layout.steps)

    @property
    def key(self) -> bytes:
        """Secret key of the hashes of patients and studies; see ``training_key``."""
        return training_key(self.layout)


class ResultsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What is written beside the probabilities."""

    threshold: Any = Field(
        default=None,
        description="Threshold on P(any) as the tables show it: a number from 0 to 1, or the file "
        "threshold.json of ich_evaluate. Empty: no series is flagged.",
    )
    dicom: Literal["off", "on"] = Field(
        default="off",
        description="on: DICOM objects of each series below output/dicom, with the data of its "
        "patient: overlays, report, key images. Needs the extra dicom-out.",
    )
    parametric_map: Literal["off", "on"] = Field(
        default="off",
        description="on, with dicom: on: the saliency maps as float32 on the grid of the source "
        "too, 1 MB a slice.",
    )
    key_file: str = Field(
        default="",
        description="CSV file outside of RUN_ROOT that names the patient of each study that is "
        "scored: StudyInstanceUID, AccessionNumber, PatientID, StudyDate, StudyTime. Empty: none.",
    )

    @property
    def key_table(self) -> Path | None:
        """The key file; None where none is asked for."""
        name = self.key_file.strip()
        return Path(name).expanduser().absolute() if name else None

    @property
    def names_patients(self) -> bool:
        """Whether objects or rows are asked for that name the patient."""
        return self.dicom == "on" or self.key_table is not None

    @property
    def given(self) -> float | Path | None:
        """The threshold, or the file that holds it; None where none is set.

        Raises
        ------
        IchError
            If it is neither.
        """
        value = self.threshold
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return Path(value.strip()).expanduser().absolute()
        if type(value) in (int, float) and 0 <= value <= 1:
            return float(value)
        raise IchError(
            f"results.threshold is {value!r}, not a number from 0 to 1 or the name of a file",
            remedy="see resources.results in run.example.yaml",
        )


def _say(context: dg.InitResourceContext, uid: str) -> None:
    if context.log is not None:
        context.log.info(f"Another process works on series {uid}: waiting for it")
