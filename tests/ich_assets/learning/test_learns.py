"""A network that is trained by ich_train learns what phantoms show, and nothing where nothing is.

Sixty patients are trained on, thirty are held out, of four slices each.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_root import TrainingPlace, tiny_config

from ich_resources.backbones.table import BACKBONES
from ich_resources.dataset.table import write_dataset
from ich_resources.demo.phantom_set import image_paths, paint_patient
from ich_resources.demo.plan import Plan
from ich_resources.labels import Folds, LabelledSlices
from ich_resources.metric import prevalences, prior_loss, weighted_log_loss

pytestmark = pytest.mark.slow

DENSE = BACKBONES["DenseNet121_change_avg"]
TRAINED_ON, HELD_OUT, SLICES, SIZE = 60, 30, 4, 96
TRAINING = {
    "trained_on": "phantoms",
    "epochs": 8,
    "batch_size": 16,
    "input_size": 64,
    "slice_context": "replicated",
    "weight_decay": 0.0,
    "rate": 1e-3,
    "keep": "last",
    "seed": 0,
    "tta": "none",
}
CONFIG = tiny_config(
    TRAINING, train_folds={"backbones": ["densenet121"], "folds": [0], "stages": ["2d", "oof"]}
)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingPlace, LabelledSlices]:
    place = TrainingPlace(tmp_path_factory.mktemp("phantoms"), Path("none"))
    folder = place.layout.dataset / "png"
    folder.mkdir(parents=True)
    seeds = range(TRAINED_ON + HELD_OUT)
    labels = [paint_patient(folder, Plan.patient(seed), SLICES, SIZE) for seed in seeds]
    names = [seed for seed in seeds for _ in range(SLICES)]
    indices = np.tile(np.arange(SLICES), len(seeds))
    slices = LabelledSlices(
        tuple(f"1.{seed}.{index}" for seed, index in zip(names, indices, strict=True)),
        tuple(f"2.{seed:03}" for seed in names),
        tuple(f"3.{seed}" for seed in names),
        tuple(f"{seed:032x}" for seed in names),
        indices,
        indices * 30.0,
        np.concatenate(labels),
        tuple(path for seed in seeds for path in image_paths(folder, seed, SLICES)),
        "",
    )
    return place, slices


def train(place: TrainingPlace, slices: LabelledSlices) -> np.ndarray:
    """Train fold 0 on the first sixty patients; return its predictions for the others."""
    seeds = range(TRAINED_ON + HELD_OUT)
    folds = Folds({f"{s:032x}": 1 + s % 4 if s < TRAINED_ON else 0 for s in seeds})
    layout = place.layout
    write_dataset(layout.slices, layout.folds, layout.train_root, slices, folds)
    done = place.execute("ich_train", CONFIG)
    assert done.status == 0, done.text
    return np.load(layout.oof(DENSE, 0).probabilities)


def test_it_beats_constants_and_the_position_of_a_slice(phantoms):
    place, slices = phantoms
    predicted = train(place, slices)
    cut = TRAINED_ON * SLICES
    seen, truth = slices.labels[:cut], slices.labels[cut:]
    loss, prior = weighted_log_loss(truth, predicted), prior_loss(truth, prevalences(seen))
    by_place = np.stack([seen[index::SLICES].mean(0) for index in range(SLICES)])
    by_place = np.clip(by_place, 1 / TRAINED_ON, 1 - 1 / TRAINED_ON)
    position = weighted_log_loss(truth, by_place[slices.indices[cut:]])
    assert loss < 0.7 * prior
    assert loss < 0.8 * position


def test_labels_permuted_over_slices_teach_nothing(phantoms):
    place, slices = phantoms
    order = np.random.default_rng(0).permutation(len(slices.slices))
    permuted = replace(slices, labels=slices.labels[order])
    predicted = train(place, permuted)
    cut = TRAINED_ON * SLICES
    seen, truth = permuted.labels[:cut], permuted.labels[cut:]
    loss, prior = weighted_log_loss(truth, predicted), prior_loss(truth, prevalences(seen))
    assert loss >= 0.95 * prior
