"""A small data set as Kaggle ships RSNA 2019: flat folders, six rows an image, known defects."""

from dataclasses import dataclass, field
from pathlib import Path

from research import write_research

from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import SliceLabels

CORRUPT = "ID_6431af929"
"""The image of the data set whose pixels end early."""


@dataclass
class Rsna:
    """What was written.

    Attributes
    ----------
    folder : Path
        Holds the two folders of images and the file of labels.
    labels : dict of str to tuple of int
        Six labels of each image, the corrupt one included.
    studies : dict of str to list of str
        Images of each study (of one series each), from feet to head.
    patients : dict of str to str
        PatientID of each study.
    """

    folder: Path
    labels: dict[str, tuple[int, ...]] = field(default_factory=dict)
    studies: dict[str, list[str]] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)

    @property
    def train(self) -> Path:
        return self.folder / "stage_1_train_images"

    @property
    def test(self) -> Path:
        return self.folder / "stage_1_test_images"

    @property
    def csv(self) -> Path:
        return self.folder / "stage_2_train.csv"

    def rows(self) -> list[str]:
        """The rows of the file of labels, without its header; any is the last row of an image."""
        order = [*CLASSES[1:], "any"]
        return [
            f"{name}_{kind},{values[CLASSES.index(kind)]}"
            for name, values in self.labels.items()
            for kind in order
        ]

    def write_labels(self, rows: list[str] | None = None) -> None:
        self.csv.write_text("\n".join(["ID,Label", *(rows or self.rows()), ""]))

    def slice_labels(self) -> SliceLabels:
        import numpy as np

        return SliceLabels(tuple(self.labels), np.array(list(self.labels.values()), np.float32))


def write_rsna(folder: Path, scratch: Path, patients: int = 6) -> Rsna:
    """Write studies of three slices; the first patient has two, the last study is tilted.

    The second image of the second study is the known corrupt one. Every other study lies in the
    second folder. One image stands twice in the file of labels.
    """
    made = Rsna(folder)
    owners = ["ID_patient0", *(f"ID_patient{i}" for i in range(patients))]
    for number, owner in enumerate(owners):
        study = f"ID_study{number:05d}"
        stems = [f"ID_{(7 * number + 3 * i) % 1000:03d}{number:03d}00{i}" for i in range(3)]
        if number == 1:
            stems[1] = CORRUPT
        kind = 1 + number % 5  # a bleed of one kind in the middle slice
        for i, stem in enumerate(stems):
            bleeds = i == 1 and number != 2
            made.labels[stem] = tuple(int(bleeds and c in (0, kind)) for c in range(6))
        into = made.test if number % 2 else made.train
        paths = write_research(
            into,
            (study, f"ID_series{number:04d}"),
            stems,
            scratch / str(number),
            patient=owner,
            tilt=12.0 if number == len(owners) - 1 else 0.0,
        )
        if number == 1:
            corrupt = next(path for path in paths if path.stem == CORRUPT)
            corrupt.write_bytes(corrupt.read_bytes()[:-1000])
        made.studies[study] = stems
        made.patients[study] = owner
    first = next(iter(made.labels))
    made.write_labels([*made.rows(), *(row for row in made.rows() if row.startswith(first))])
    return made
