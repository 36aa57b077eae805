"""The choices of an evaluation as a Dagster resource."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from ich_resources.environment import LABELS, folder
from ich_resources.labels import Labels
from ich_resources.scores import Scores

if TYPE_CHECKING:
    from ich_resources.evaluation.outcome import Evaluation, Options
    from ich_resources.evaluation.page_parts import Pictures


class EvaluationResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Judges probabilities by labels."""

    labels: str = Field(
        default="", description="File of labels (CSV). Empty: the environment's LABELS."
    )
    studies: str = Field(
        default="",
        description="For labels of CQ500: CSV file with the columns name, StudyInstanceUID.",
    )
    level: Literal["auto", "slice", "series", "study"] = Field(
        default="auto",
        description="Level of the threshold and of the lists. auto: series, or study where studies "
        "are labelled.",
    )
    prevalence: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of bleeds where the networks are to be used, for PPV and NPV. Empty: "
        "that of the labelled cases.",
    )
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Threshold on P(any). Empty: chosen by rule."
    )
    rule: Literal["sensitivity", "youden"] = Field(
        default="sensitivity",
        description="sensitivity: the fewest flagged with at least the sensitivity below. youden: "
        "the highest sensitivity + specificity.",
    )
    sensitivity: float = Field(
        default=0.95, gt=0, le=1, description="Least sensitivity of the first rule."
    )
    halves: bool = Field(
        default=False,
        description="Choose the threshold on one half of the patients, report it on the other.",
    )
    write_threshold: bool = Field(
        default=False, description="Write threshold.json, for results.threshold of a batch."
    )
    fit: Literal["off", "temperature", "isotonic"] = Field(
        default="off",
        description="Fit a calibration on one half of the patients, report it on the other, and "
        "write calibration.json, for networks.calibration of a batch.",
    )
    bootstrap: int = Field(
        default=2000, ge=0, le=100_000, description="Samples of the bootstrap over patients."
    )
    seed: int = Field(default=1992, ge=0, description="Seed of the bootstrap and of the halves.")
    compare_with: str = Field(
        default="",
        description="Another run root with the same slices; the page then has the differences.",
    )

    @property
    def labels_file(self) -> Path:
        """The file of labels.

        Raises
        ------
        IchError
            If neither the configuration nor the environment names one.
        """
        return folder(self.labels, LABELS, "resources.evaluation.config.labels")

    @property
    def studies_file(self) -> Path | None:
        """The table of CQ500's studies, where it is given."""
        return Path(self.studies).expanduser() if self.studies.strip() else None

    @property
    def other_run_root(self) -> Path | None:
        """The run root to compare with, where it is given."""
        text = self.compare_with.strip()
        return Path(text).expanduser().absolute() if text else None

    @property
    def options(self) -> "Options":
        """What changes the numbers."""
        from ich_resources.evaluation.outcome import Options

        left_out = {"labels", "studies", "write_threshold", "compare_with"}
        return Options(**self.model_dump(exclude=left_out))

    @property
    def binds(self) -> bool:
        """Whether calibration or threshold are written, which name the checkpoints."""
        return self.fit != "off" or self.write_threshold

    def evaluate(
        self,
        scores: Scores,
        labels: Labels,
        other: Scores | None = None,
        names: tuple[str, str] | None = None,
    ) -> "Evaluation":
        """Judge probabilities by labels with this resource's options; see ``evaluate.evaluate``.

        Parameters
        ----------
        scores : Scores
            Probabilities of slices: of a run root, or out of fold.
        labels : Labels
            Of slices, series or studies.
        other : Scores, optional
            Probabilities of the same slices to compare with.
        names : (str, str), optional
            What the two are, for people; None for ``NAMES``.
        """
        from ich_resources.evaluation.evaluate import NAMES, evaluate

        return evaluate(scores, labels, self.options, other, names or NAMES)

    def tables(self, evaluation: "Evaluation") -> dict[str, Any]:
        """Return rows and columns of each table, by file name; see ``report.tables``."""
        from ich_resources.evaluation.report import tables

        return tables(evaluation)

    def page(self, evaluation: "Evaluation", pictures: "Pictures", facts: Sequence[str]) -> bytes:
        """Return ``index.html`` in UTF-8; see ``page.evaluation_page``.

        Parameters
        ----------
        evaluation : Evaluation
            From ``evaluate``.
        pictures : Pictures
            They are embedded, so the page needs no other file.
        facts : sequence of str
            Further lines on what was judged, as ``name: text``; foreign text.
        """
        from ich_resources.evaluation.page import evaluation_page

        return evaluation_page(evaluation, pictures, facts).encode()
