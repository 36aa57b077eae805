"""Every path below RUN_ROOT (docs/reference.md, section 6, and ``state/``, which is our own)."""

from dataclasses import dataclass
from pathlib import Path

from ich_resources.subjects import Subject, series_subject
from ich_resources.uids import slice_stem

SCORES = "slice_saliency_scores.csv"
"""Name of the table of saliency scores beside the panels of a series."""


def slice_id(sop_instance_uid: str) -> str:
    """Return the ID of a slice in every table: the stem of its PNG."""
    return slice_stem(sop_instance_uid)


@dataclass(frozen=True)
class Layout:
    """Paths below one run root.

    Only identifiers that passed ``uids.is_uid`` become path parts.
    """

    run_root: Path

    @property
    def csv(self) -> Path:
        """Tables of the processed series."""
        return self.run_root / "processed" / "csv"

    @property
    def output(self) -> Path:
        """Tables and pictures for people."""
        return self.run_root / "output"

    @property
    def panels(self) -> Path:
        """Saliency panels, one folder per series."""
        return self.output / "saliency_panels"

    @property
    def evaluation(self) -> Path:
        """How good the probabilities are by labels."""
        return self.output / "evaluation"

    @property
    def ledger(self) -> Path:
        """Index of the last scan."""
        return self.run_root / "state" / "series_ledger.json"

    @property
    def inbox_ledger(self) -> Path:
        """Index of the series and files that have come into the inbox."""
        return self.run_root / "state" / "inbox_ledger.json"

    @property
    def inbox_index(self) -> Path:
        """Facts about every file of the inbox (SQLite)."""
        return self.run_root / "state" / "inbox.sqlite"

    @property
    def inbox_tick(self) -> Path:
        """When the last tick that looked at the inbox ended."""
        return self.run_root / "state" / "inbox_tick.json"

    def last_words(self, run_id: str) -> Path:
        """What a run wrote when a library in C crashed its process."""
        return self.run_root / "state" / "logs" / f"{run_id}.crash"

    @property
    def outbox(self) -> Path:
        """Messages of the monitor that are still to be delivered."""
        return self.run_root / "state" / "outbox"

    @property
    def inbox_lock(self) -> Path:
        """Lock of the tick that looks at the inbox."""
        return self.run_root / "state" / ".inbox.lock"

    @property
    def shards(self) -> Path:
        """Parts of a scan that separate processes score, and their progress."""
        return self.run_root / "state" / "shards"

    def found(self, series_uid: str) -> Path:
        """What was last found of one series."""
        return self.folder(series_subject(series_uid)) / "found.json"

    def slice_png(self, sop_instance_uid: str) -> Path:
        """Windowed slice, 8-bit gray at its native size."""
        return self.run_root / "processed" / "png" / f"{slice_id(sop_instance_uid)}.png"

    def series_csv(self, series_uid: str) -> Path:
        """Slices of one series, in order."""
        return self.csv / "series_csv" / f"{series_uid}.csv"

    def study_csv(self, study_uid: str) -> Path:
        """Slices of one study."""
        return self.csv / "study_csv" / f"{study_uid}.csv"

    def series_panels(self, series_uid: str) -> Path:
        """Panels of one series."""
        return self.panels / series_uid

    @property
    def worklist(self) -> Path:
        """The page over all series."""
        return self.output / "worklist.html"

    def series_page(self, series_uid: str) -> Path:
        """The page of one series."""
        return self.output / "series" / f"{series_uid}.html"

    def dicom_objects(self, series_uid: str) -> Path:
        """DICOM objects of one series."""
        return self.output / "dicom" / series_uid

    def preview(self, subject: Subject) -> Path:
        """Pictures of one series for the worklist."""
        return self.folder(subject) / "preview.json"

    def relative(self, path: Path) -> str:
        """Return a path below the run root as a record lists it."""
        return path.relative_to(self.run_root).as_posix()

    def folder(self, subject: Subject) -> Path:
        """Records, arrays and notes of one subject."""
        return self.run_root.joinpath("state", subject.kind, *subject.parts)

    def record(self, subject: Subject, step: str) -> Path:
        """Record of one step of one subject."""
        return self.folder(subject) / f"{step}.json"

    def begun(self, subject: Subject, step: str) -> Path:
        """Files that one step may leave until it is done."""
        return self.folder(subject) / f"{step}.begun.json"

    def array(self, subject: Subject, step: str) -> Path:
        """Array that one step made of one subject."""
        return self.folder(subject) / f"{step}.npy"

    def calibrated(self, subject: Subject, step: str) -> Path:
        """Calibrated probabilities, where a calibration was applied to those of one step."""
        return self.folder(subject) / f"{step}.calibrated.npy"

    def features(self, subject: Subject, step: str) -> Path:
        """Pooled features of one backbone's folds, kept for the sequence models."""
        return self.folder(subject) / f"{step}.features.npy"

    def views(self, subject: Subject, step: str) -> Path:
        """Probabilities of one backbone's folds, mean over the views of the sequence models."""
        return self.folder(subject) / f"{step}.views.npy"

    def lock(self, subject: Subject) -> Path:
        """Lock of the step that works on one subject."""
        return self.folder(subject) / ".lock"

    def failure(self, subject: Subject) -> Path:
        """Why the last run of one subject failed."""
        return self.folder(subject) / "failure.json"

    def sent(self, subject: Subject) -> Path:
        """Which destinations accepted the DICOM objects of one subject."""
        return self.folder(subject) / "sent.json"

    @property
    def sending_lock(self) -> Path:
        """Lock of the run that sends."""
        return self.run_root / "state" / ".sending.lock"

    @property
    def series_folders(self) -> Path:
        """Holds the folder of each series."""
        return self.folder(series_subject("0")).parent

    @property
    def row_cache(self) -> Path:
        """What the tables say of each series, kept from tick to tick (SQLite)."""
        return self.run_root / "state" / "tables.sqlite"

    @property
    def tables_lock(self) -> Path:
        """Lock of the process that writes the small tables, which are always current."""
        return self.run_root / "state" / ".tables.lock"

    @property
    def outputs_lock(self) -> Path:
        """Lock of the process that writes the tables over all series."""
        return self.run_root / "state" / ".outputs.lock"
