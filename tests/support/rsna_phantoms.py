"""Phantom patients as Kaggle ships RSNA 2019: hashed identifiers, labels from their bleeds.

The second slice of the second series has pixels that end early, the last series is tilted, and one
image stands twice in the file of labels. The first patient has two studies.
"""

import hashlib
from pathlib import Path

import numpy as np
from research import as_research
from rsna import CORRUPT, Rsna

from ich_resources.demo.cohort import AT_LEAST_ML, write_patient
from ich_resources.demo.patients import KINDS, draw_patient
from ich_resources.hemorrhage import CLASSES

SLICES, SIZE = 4, 64
TRAINED, TESTED = 7, 2
"""Series of the two folders; the first patient of the training set has two of them."""


def hashed(name: str, digits: int) -> str:
    """Return an identifier of the form that the data set has."""
    return "ID_" + hashlib.sha256(name.encode()).hexdigest()[:digits]


def write_phantom_rsna(folder: Path, scratch: Path) -> tuple[Rsna, np.ndarray]:
    """Write a training set with labels, and a test set without.

    Returns
    -------
    Rsna
        What was written. Its labels are those of the training set; its studies are of both.
    int array, shape (n, 6)
        Labels of the test set, series by series.
    """
    made, hidden = Rsna(folder), []
    for number in range(TRAINED + TESTED):
        test = number >= TRAINED
        stems = [hashed(f"slice {number} {i}", 9) for i in range(SLICES)]
        if number == 1:
            stems[1] = CORRUPT
        study = hashed(f"study {number}", 10)
        owner = hashed(f"patient {max(number - 1, 0)}", 8)
        labels = _write_series(made.test if test else made.train, scratch, number, study, stems)
        if test:
            hidden.append(labels)
        else:
            made.labels |= {s: tuple(row) for s, row in zip(stems, labels.tolist(), strict=True)}
        made.studies[study], made.patients[study] = stems, owner
    path = made.train / f"{CORRUPT}.dcm"
    path.write_bytes(path.read_bytes()[:-1000])
    twice = next(iter(made.labels))
    made.write_labels([*made.rows(), *(row for row in made.rows() if row.startswith(twice))])
    return made, np.concatenate(hidden)


def _write_series(
    folder: Path, scratch: Path, number: int, study: str, stems: list[str]
) -> np.ndarray:
    """Write one phantom patient; return its labels, from feet to head."""
    patient = draw_patient(500 + number, [KINDS[number % len(KINDS)]], at_least_ml=AT_LEAST_ML)
    written = write_patient(scratch / str(number), patient, slices=len(stems), size=SIZE)
    as_research(
        sorted((scratch / str(number)).iterdir()),
        folder,
        (study, hashed(f"series {number}", 10)),
        stems,
        patient=hashed(f"patient {max(number - 1, 0)}", 8),
        tilt=12.0 if number == TRAINED - 1 else 0.0,
    )
    assert written.labels.shape == (len(stems), len(CLASSES))
    return written.labels.astype(int)
