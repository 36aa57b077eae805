"""Every path below TRAIN_ROOT (docs/training.md, "Files").

Records, locks and notes of the steps have the places of ``Layout``, below ``state/training``.
"""

from dataclasses import dataclass
from pathlib import Path

from ich_resources.backbones.table import Backbone, checkpoint_name
from ich_resources.storage.layout import Layout
from ich_resources.subjects import Subject, training_subject
from ich_resources.uids import slice_stem

VIEWS_SUFFIX = "aug_4"
"""Ends the names of tables of probabilities that are means over four views."""


def fold_subject(backbone: Backbone, fold: int) -> Subject:
    """Return one fold of a backbone as a subject."""
    return training_subject(backbone.asset, str(fold))


def images_subject(series_uid: str) -> Subject:
    """Return the images of one series of a data set as a subject."""
    return training_subject("images", series_uid)


@dataclass(frozen=True)
class FoldFiles:
    """Predictions of one fold for some slices.

    Attributes
    ----------
    probabilities : Path
        float32 array of shape (n, 6).
    features : Path
        float16 array of shape (n, C).
    order : Path
        CSV with a row for each slice, in the order of the arrays.
    """

    probabilities: Path
    features: Path
    order: Path

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """The three paths."""
        return self.probabilities, self.features, self.order


@dataclass(frozen=True)
class TrainingLayout:
    """Paths below one training root."""

    train_root: Path

    @property
    def steps(self) -> Layout:
        """Records, locks and notes of the steps."""
        return Layout(self.train_root)

    @property
    def dataset(self) -> Path:
        """Labelled slices, the list of folds, images."""
        return self.train_root / "dataset"

    @property
    def slices(self) -> Path:
        """Table of the labelled slices."""
        return self.dataset / "slices.csv"

    @property
    def folds(self) -> Path:
        """Table of the fold of each patient."""
        return self.dataset / "folds.csv"

    @property
    def test_slices(self) -> Path:
        """Table of the slices of the test set, without labels."""
        return self.dataset / "test_slices.csv"

    @property
    def unmatched(self) -> Path:
        """Labels without slices, and slices without labels."""
        return self.dataset / "unmatched.csv"

    @property
    def not_used(self) -> Path:
        """Slices and files that were found and have no image, with the reason."""
        return self.dataset / "not_used.csv"

    def images(self, series_uid: str) -> Path:
        """Folder of the images of one series."""
        return self.dataset / "png" / series_uid

    def image(self, series_uid: str, sop_instance_uid: str) -> Path:
        """Windowed slice, 8-bit gray at its native size."""
        return self.images(series_uid) / f"{slice_stem(sop_instance_uid)}.png"

    @property
    def models(self) -> Path:
        """The trained checkpoints and their digests, laid out as a MODEL_DIR."""
        return self.train_root / "models"

    @property
    def key(self) -> Path:
        """Secret key of the hashes of patients and studies."""
        return self.train_root / "state" / "training.key"

    @property
    def digests_lock(self) -> Path:
        """Lock of the process that writes the digests."""
        return self.train_root / "state" / ".digests.lock"

    def checkpoint(self, backbone: Backbone, fold: int) -> Path:
        """Trained weights of one fold."""
        return self.models / backbone.folder / checkpoint_name(fold)

    def sequence_checkpoint(self, fold: int) -> Path:
        """Trained weights of one fold of the sequence network."""
        return self.models / "SequenceModel" / f"fold_{fold}.pt"

    def last(self, subject: Subject) -> Path:
        """State of a training after its last epoch, to go on from."""
        return self.steps.folder(subject) / "last.pth"

    def log(self, subject: Subject) -> Path:
        """A row for each epoch of a training."""
        return self.steps.folder(subject) / "log.csv"

    def oof(self, backbone: Backbone, fold: int) -> FoldFiles:
        """Predictions of a fold for the slices that it has not seen."""
        return _fold_files(self.train_root / "oof" / backbone.asset, fold)

    def test(self, backbone: Backbone, fold: int) -> FoldFiles:
        """Predictions of a fold for the slices of the test set."""
        return _fold_files(self.train_root / "test" / backbone.asset, fold)

    def sequence_oof(self, fold: int) -> tuple[Path, Path]:
        """Predictions of the sequence models for what a fold has held out: array (n, 6), order."""
        folder = self.train_root / "oof" / "sequence"
        return folder / f"fold_{fold}.probabilities.npy", folder / f"fold_{fold}.csv"

    @property
    def oof_table(self) -> Path:
        """Predictions out of fold of every backbone for every slice, float32 (M, n, 6)."""
        return self.train_root / "oof" / "probabilities.npy"

    @property
    def oof_order(self) -> Path:
        """CSV with a row for each slice of ``oof_table``."""
        return self.train_root / "oof" / "table.csv"

    @property
    def output(self) -> Path:
        """Tables and pictures for people."""
        return self.train_root / "output"

    def single_model_output(self, backbone: Backbone) -> Path:
        """Predictions of one backbone, as the reference's sequence stage reads them."""
        return self.output / "SingleModelOutput" / Path(backbone.folder).name / "prediction"

    @property
    def evaluation(self) -> Path:
        """What the predictions out of fold are worth."""
        return self.output / "evaluation"

    @property
    def submission(self) -> Path:
        """Predictions for the test set, as Kaggle wants them."""
        return self.output / "submission_tta.csv"


def _fold_files(folder: Path, fold: int) -> FoldFiles:
    return FoldFiles(
        folder / f"fold_{fold}.probabilities.npy",
        folder / f"fold_{fold}.features.npy",
        folder / f"fold_{fold}.csv",
    )
