"""A network of the demo learns what a bleed of a phantom looks like."""

import csv
import json

import numpy as np
import pytest

from ich_resources.backbones.table import BACKBONES
from ich_resources.demo.plan import Plan
from ich_resources.demo.worker import answer
from ich_resources.metric import prior_loss

pytestmark = pytest.mark.slow

NAME = "DenseNet121_change_avg"
PLAN = Plan(patients=60, held_out=20, slices=8, epochs=4, precision="float32")


def done(**request) -> dict | list:
    """Have the worker do a task in this process."""
    return json.loads(answer(json.dumps(request).encode()))["done"]


def test_the_smallest_network_tells_bleeding_slices_of_other_patients(tmp_path):
    """960 samples of 60 patients, judged on 160 slices of 20 others."""
    images = tmp_path / "png"
    images.mkdir()
    seeds, held_out = PLAN.patient_seeds
    labels = done(task="paint", folder=str(images), seeds=[*seeds, *held_out], slices=8, size=128)
    known = np.array(labels, np.float32)[len(seeds) :].reshape(-1, 6)
    made = done(
        task="train",
        folder=str(tmp_path),
        models=str(tmp_path / "models"),
        plan=PLAN.to_plain(),
        backbone=NAME,
        labels=labels,
    )
    assert (tmp_path / "models" / made["path"]).is_file()
    with (tmp_path / BACKBONES[NAME].asset / "log.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["AUC any"]) > 0.85
    assert float(last["Weighted log loss"]) < prior_loss(known)


def test_a_task_that_fails_says_so(tmp_path):
    request = {
        "task": "paint",
        "folder": str(tmp_path / "missing"),
        "seeds": [1],
        "slices": 1,
        "size": 32,
    }
    told = json.loads(answer(json.dumps(request).encode()))
    assert "No such file" in told["error"]
