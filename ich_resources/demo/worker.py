"""A process of the demo that paints phantom patients or trains one backbone; see ``teaching``."""

import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.study_hashes import study_hash, study_salt
from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.children import serve
from ich_resources.demo.cohort import study_uid
from ich_resources.demo.phantom_set import paint_patient, training_slices
from ich_resources.demo.plan import Plan
from ich_resources.digests import file_sha256
from ich_resources.errors import IchError
from ich_resources.training.checkpoint import checkpoint_bytes
from ich_resources.training.initial_files import InitialFile
from ich_resources.training.loop import train_fold
from ich_resources.training.results import Machine
from ich_resources.whole_files import write_whole

KEY = b"the demo has no secrets"
"""Key of the hashes of the phantoms' studies."""


def answer(request: bytes) -> bytes:
    """Do one task.

    Parameters
    ----------
    request : bytes
        JSON object: ``task`` ("paint" or "train") and the arguments of that function.

    Returns
    -------
    bytes
        JSON object: ``done``, or ``error`` with a sentence.
    """
    wanted: dict[str, Any] = json.loads(request)
    tasks: dict[str, Callable[..., Any]] = {"paint": paint, "train": train}
    task = tasks[wanted.pop("task")]
    try:
        done = task(**wanted)
    except (IchError, OSError) as err:
        return json.dumps({"error": str(err)}).encode()
    return json.dumps({"done": done}).encode()


def paint(folder: str, seeds: list[int], slices: int, size: int) -> list[list[list[float]]]:
    """Paint patients, and return their labels: by patient, slice and class.

    Parameters
    ----------
    folder : str
        Takes the images.
    seeds : list of int
        One per patient.
    slices : int
        Slices of each patient.
    size : int
        Rows and columns of a slice, in pixels.

    Raises
    ------
    OSError
        If an image cannot be written.
    """
    return [
        paint_patient(Path(folder), Plan.patient(seed), slices, size).tolist() for seed in seeds
    ]


def train(
    folder: str, models: str, plan: Mapping[str, Any], backbone: str, labels: list[Any]
) -> dict[str, str]:
    """Train one backbone, and write its checkpoint.

    Parameters
    ----------
    folder : str
        Holds the images, and takes the state of the training.
    models : str
        The model folder.
    plan : mapping
        Of ``Plan.to_plain``.
    backbone : str
        Its name.
    labels : nested list, shape (patients, slices, 6)
        Labels of the patients: those that are trained on, then those that are held out.

    Returns
    -------
    dict of str to str
        ``path`` below the model folder, and ``sha256``.

    Raises
    ------
    IchError
        If the training fails.
    OSError
        If the checkpoint cannot be written.
    """
    wanted, row = Plan(**plan), BACKBONES[backbone]
    seeds, held_out = wanted.patient_seeds
    known, images = np.array(labels, np.float32), Path(folder) / "png"
    slices = training_slices(images, seeds, known[: len(seeds)])
    validation = training_slices(images, held_out, known[len(seeds) :])
    recipe = wanted.recipe(backbone)
    trained = train_fold(
        slices,
        validation,
        recipe,
        InitialFile("random"),
        Path(folder) / row.asset,
        machine=Machine("cpu", threads=1),
    )
    salt = study_salt(KEY)
    about = Trained(
        backbone=backbone,
        fold=recipe.fold,
        input_size=recipe.input_size,
        slice_context=recipe.slice_context,
        trained_on="phantoms",
        salt=salt,
        studies={
            study_hash(salt, study_uid(seed)): recipe.fold if seed in held_out else recipe.fold + 1
            for seed in (*seeds, *held_out)
        },
        recipe=recipe.to_plain(),
        labels=slices.digest,
        init=recipe.init,
        weighted_log_loss=float(trained.kept.weighted_log_loss or 0.0),
        versions={name: version(name) for name in ("ich", "torch")},
    )
    path = Path(models) / row.folder / checkpoint_name(recipe.fold)
    write_whole(
        path, checkpoint_bytes(trained, about.to_plain()), f".part-{path.name}", durable=True
    )
    return {"path": path.relative_to(models).as_posix(), "sha256": file_sha256(path)}


if __name__ == "__main__":
    serve(answer)
