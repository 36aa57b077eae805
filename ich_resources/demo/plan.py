"""How the networks of the demo are trained: on which phantoms, and with which settings."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.patients import KINDS, Patient, draw_patient
from ich_resources.digests import fingerprint
from ich_resources.training.recipe import Recipe, TrainingPrecision

PAINTING_VERSION = 2
"""Raise it when the phantoms change: the networks of earlier demos are then trained again."""

INPUT_SIZES = {
    "DenseNet121_change_avg": 96,
    "DenseNet169_change_avg": 96,
    "se_resnext101_32x4d": 64,
}
"""Edge of the network input in pixels. SE-ResNeXt101 takes four times as long as a DenseNet."""
EPOCHS = 3
"""Epochs of four slices a patient."""
RATES = {
    "DenseNet121_change_avg": 1e-3,
    "DenseNet169_change_avg": 1e-3,
    "se_resnext101_32x4d": 5e-3,
}
"""Highest learning rate of the one cycle. SE-ResNeXt101 learns nothing but heights at 1e-3."""
NUMBERS_OF_KINDS = (0.4, 0.3, 0.3)
"""Shares of the patients that are trained on with none, one and two kinds of bleeds."""
FAST_BFLOAT16 = frozenset({"amx_bf16", "avx512_bf16"})
"""Flags of CPUs that multiply in bfloat16: a step then takes half to two thirds of the time."""


def _cpu_flags() -> set[str]:
    """Return the flags of the CPU; none where Linux does not tell them."""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        return next((set(line.split()) for line in lines if line.startswith("flags")), set())
    return set()


@dataclass(frozen=True)
class Plan:
    """A training of all backbones on phantoms.

    Attributes
    ----------
    patients, held_out : int
        Patients that are trained on, and those that the training is validated on.
    slices, size : int
        Slices of a patient, and their rows and columns.
    input_sizes : mapping of str to int
        Edge of the network input of each backbone in pixels.
    rates : mapping of str to float
        Highest learning rate of the one cycle of each backbone.
    epochs : int
        An epoch visits each patient four times.
    batch_size : int
        Slices per step.
    precision : {"float32", "bfloat16"}
        Arithmetic of the passes.
    seed : int
        Seed of the patients, the first weights and the samples.
    """

    patients: int = 160
    held_out: int = 6
    slices: int = 12
    size: int = 128
    input_sizes: dict[str, int] = field(default_factory=lambda: dict(INPUT_SIZES))
    rates: dict[str, float] = field(default_factory=lambda: dict(RATES))
    epochs: int = EPOCHS
    batch_size: int = 16
    precision: TrainingPrecision = "float32"
    seed: int = 0

    @classmethod
    def of_this_machine(cls, seed: int = 0) -> Self:
        """Return the plan of the demo, in bfloat16 where the CPU multiplies in it."""
        return cls(precision="bfloat16" if FAST_BFLOAT16 & _cpu_flags() else "float32", seed=seed)

    @property
    def patient_seeds(self) -> tuple[list[int], list[int]]:
        """Seeds of the patients that are trained on, and of those that are held out."""
        first = self.seed * 1000
        middle = first + self.patients
        return list(range(first, middle)), list(range(middle, middle + self.held_out))

    def recipe(self, backbone: str) -> Recipe:
        """Return the settings of the training of one backbone."""
        return Recipe.for_fold(
            BACKBONES[backbone],
            0,
            input_size=self.input_sizes[backbone],
            slice_context="replicated",
            epochs=self.epochs,
            batch_size=self.batch_size,
            validation_batch_size=self.batch_size,
            schedule="one_cycle",
            augment="mirror",
            rate=self.rates[backbone],
            weight_decay=0.0,
            keep="last",
            init="random",
            precision=self.precision,
            seed=self.seed,
        )

    @staticmethod
    def patient(seed: int) -> Patient:
        """Draw a patient to train on: with more kinds of bleeds than others, to see all of them."""
        rng = np.random.default_rng([seed, 3])
        number = rng.choice(len(NUMBERS_OF_KINDS), p=NUMBERS_OF_KINDS)
        return draw_patient(seed, [str(kind) for kind in rng.choice(KINDS, number, replace=False)])

    @property
    def digest(self) -> str:
        """SHA-256 of all settings, hexadecimal."""
        return fingerprint({"painting": PAINTING_VERSION, **self.to_plain()})

    def to_plain(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)
