"""From a folder as Kaggle ships it to submissions, an evaluation and a batch: one command each.

Three real backbones of tiny size, five folds, phantom patients. Then each stage is killed, on links
to the same files.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from rsna import CORRUPT, Rsna
from rsna_phantoms import SLICES, TRAINED, write_phantom_rsna
from training_root import TrainingPlace, tiny_config
from workplace import Workplace

from ich_resources.backbones.networks import build_network
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.dataset.table import read_slices
from ich_resources.hemorrhage import CLASSES
from ich_resources.metric import weighted_log_loss
from ich_resources.preprocessing import centre_crop
from ich_resources.storage.sequence_schemas import sequence_subject
from ich_resources.storage.training_layout import TrainingLayout, fold_subject
from ich_resources.subjects import Subject, training_subject
from ich_resources.training.images import read_image
from ich_resources.training.resource import TrainingResource
from ich_resources.training.results import Machine
from ich_resources.training.slices import TrainingSlices
from ich_resources.training.view_options import ViewOptions
from ich_resources.training.views import predict_checkpoint

pytestmark = pytest.mark.slow

DENSE = BACKBONES["DenseNet121_change_avg"]
SIZE = 32
SEQUENCE = {"epochs": 4, "batch_size": 2, "device": "cpu"}


def config(**ops: dict) -> str:
    settings = yaml.safe_load(tiny_config({"input_size": SIZE}, **ops))
    settings["resources"]["sequence"] = {"config": SEQUENCE}
    return yaml.safe_dump(settings)


@dataclass(frozen=True)
class Chain:
    """A TRAIN_ROOT after every job, for tests that only look; and what was handed in."""

    place: TrainingPlace
    data: Rsna
    truth: np.ndarray
    said: str
    of_networks: bytes
    of_sequence: bytes
    sample: Path

    @property
    def layout(self) -> TrainingLayout:
        return self.place.layout

    def names(self, *, test: bool) -> list[str]:
        """SOPInstanceUIDs that can be used, in order of series and slice."""
        folder = self.data.test if test else self.data.train
        series = [stems for stems in self.data.studies.values() if is_in(folder, stems)]
        return [name for stems in series for name in stems if name != CORRUPT]


def is_in(folder: Path, stems: list[str]) -> bool:
    return (folder / f"{stems[0]}.dcm").is_file()


def run(place: TrainingPlace, job: str, settings: str) -> str:
    done = place.execute(job, settings)
    assert done.status == 0, done.text
    return done.text


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    root = tmp_path_factory.mktemp("chain")
    place = TrainingPlace(root, root / "none")
    data, truth = write_phantom_rsna(root / "rsna", root / "scratch")
    fields = {"folders": [str(data.train)], "test_folders": [str(data.test)], "processes": 2}
    dataset = {"resources": {"dataset": {"config": {**fields, "labels": str(data.csv)}}}}
    said = run(place, "ich_dataset", yaml.safe_dump(dataset))
    said += run(place, "ich_train", config())
    said += run(place, "ich_submission", config())
    of_networks = place.layout.submission.read_bytes()
    tested = [stems for stems in data.studies.values() if is_in(data.test, stems)]
    names = [f"{name}_{kind}" for s in reversed(tested) for name in s for kind in CLASSES[::-1]]
    sample = root / "stage_2_sample_submission.csv"
    sample.write_text("\n".join(["ID,Label", *(f"{name},0.5" for name in names), ""]))
    said += run(place, "ich_submission", config(predict_and_submit=handed_in(sample)))
    said += run(
        place,
        "ich_evaluate_oof",
        "resources: {evaluation: {config: {bootstrap: 50, threshold: 0.5}}}",
    )
    of_sequence = place.layout.submission.read_bytes()
    return Chain(place, data, truth, said, of_networks, of_sequence, sample)


def handed_in(sample: Path) -> dict:
    return {"source": "sequence", "sample": str(sample)}


def out_of_fold(layout: TrainingLayout) -> tuple[np.ndarray, pd.DataFrame]:
    return np.load(layout.oof_table), pd.read_csv(layout.oof_order).set_index("slice")


def test_every_image_has_its_labels_and_the_corrupt_one_is_listed(chain):
    slices = read_slices(chain.layout.slices, chain.layout.train_root)
    assert sorted(slices.slices) == sorted(chain.names(test=False))
    assert len(slices.slices) == TRAINED * SLICES - 1
    for study, stems in chain.data.studies.items():
        own = [n for n, s in zip(slices.slices, slices.studies, strict=True) if s == study]
        used = [name for name in stems if name != CORRUPT]
        assert own == (used if is_in(chain.data.train, stems) else [])
    labels = dict(zip(slices.slices, slices.labels.astype(int).tolist(), strict=True))
    assert labels == {n: list(v) for n, v in chain.data.labels.items() if n != CORRUPT}
    listed = pd.read_csv(chain.layout.unmatched)
    assert listed[["id", "code"]].to_numpy().tolist() == [[CORRUPT, "BAD_HEADER"]]
    assert "labels of slices that are not used: 1" in chain.said


def test_every_image_is_predicted_once_by_the_fold_that_held_out_its_patient(chain):
    values, table = out_of_fold(chain.layout)
    assert values.shape == (3, TRAINED * SLICES - 1, 6) and np.isfinite(values).all()
    assert sorted(table.index) == sorted(chain.names(test=False))
    owners = table["study"].map(chain.data.patients)
    assert table.groupby(owners)["fold"].nunique().eq(1).all()
    assert sorted(set(table["fold"])) == list(range(FOLDS))
    np.testing.assert_allclose(table[list(CLASSES)], values.mean(0), atol=1e-6)


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=list(BACKBONES))
def test_predictions_out_of_fold_are_those_of_the_checkpoint_of_the_fold(chain, backbone):
    found = predictions_of(chain, backbone)
    fold = fold_of(chain, corrupt_study(chain))
    _, table = out_of_fold(chain.layout)
    held_out = set(table.index[table["fold"] == fold])
    series = [stems for stems in chain.data.studies.values() if held_out & set(stems)]
    slices = as_on_disk(chain, series)
    assert set(slices.slices) == held_out
    recipe = TrainingResource(init="random", input_size=SIZE).recipe(backbone, fold)
    predicted = predict_checkpoint(
        chain.layout.checkpoint(backbone, fold),
        backbone.name,
        slices,
        ViewOptions.of(recipe, "four"),
        machine=Machine("cpu"),
    )
    np.testing.assert_allclose(found.loc[list(slices.slices)], predicted.mean, atol=1e-5)


def predictions_of(chain: Chain, backbone: Backbone) -> pd.DataFrame:
    """Return the predictions out of fold of one backbone, by slice."""
    values, table = out_of_fold(chain.layout)
    return pd.DataFrame(values[list(BACKBONES).index(backbone.name)], index=table.index)


def corrupt_study(chain: Chain) -> str:
    return next(study for study, stems in chain.data.studies.items() if CORRUPT in stems)


def fold_of(chain: Chain, study: str) -> int:
    _, table = out_of_fold(chain.layout)
    return int(table.loc[table["study"] == study, "fold"].iloc[0])


def as_on_disk(chain: Chain, series: list[list[str]]) -> TrainingSlices:
    """Return series as the test has written them, without the corrupt file."""
    images = {path.stem: path for path in chain.layout.dataset.rglob("*.png")}
    pairs = [(str(i), n) for i, stems in enumerate(series) for n in stems if n != CORRUPT]
    groups, names = (tuple(column) for column in zip(*pairs, strict=True))
    unread = np.full((len(names), len(CLASSES)), np.nan, np.float32)
    return TrainingSlices(names, groups, tuple(images[name] for name in names), unread)


def test_neighbours_close_over_the_corrupt_file(chain):
    """Computed here anew: three slices are left, and the first and the second are neighbours."""
    slices = as_on_disk(chain, [chain.data.studies[corrupt_study(chain)]])
    fold = fold_of(chain, corrupt_study(chain))
    network = build_network(DENSE)
    content = torch.load(chain.layout.checkpoint(DENSE, fold), weights_only=True)
    network.load_state_dict(content["state_dict"])
    network.eval()
    crops = [centre_crop(read_image(path, None)) for path in slices.images]
    seen = [(cv2.resize(crop, (SIZE, SIZE)) / 255 - 0.456) / 0.224 for crop in crops]
    found = predictions_of(chain, DENSE).loc[list(slices.slices)].to_numpy()
    assert len(seen) == 3
    for row, channels in enumerate(((1, 0, 0), (2, 1, 0), (2, 2, 1))):
        stack = np.stack([seen[channel] for channel in channels])
        views = [order[:, :, ::step] for order in (stack, stack[::-1]) for step in (1, -1)]
        with torch.inference_mode():
            logits = network(torch.from_numpy(np.stack(views).astype(np.float32)))
        np.testing.assert_allclose(found[row], torch.sigmoid(logits).mean(0), atol=1e-5)


def test_the_submission_of_the_networks_is_their_mean_in_the_order_of_the_reference(chain):
    lines = chain.of_networks.decode().splitlines()
    ids = sorted(chain.names(test=True))
    assert lines[0] == "ID,Label"
    assert [line.partition(",")[0] for line in lines[1:]] == [
        f"{name}_{kind}" for kind in CLASSES for name in ids
    ]
    sums = pd.DataFrame(0.0, index=ids, columns=list(CLASSES))
    for backbone in BACKBONES.values():
        for fold in range(FOLDS):
            files = chain.layout.test(backbone, fold)
            order = pd.read_csv(files.order)["slice"]
            sums.loc[order] += np.load(files.probabilities).astype(np.float64)
    values = np.array([float(line.partition(",")[2]) for line in lines[1:]])
    expected = (sums / (len(BACKBONES) * FOLDS)).to_numpy().T.ravel()
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_the_evaluation_is_of_all_images_out_of_fold(chain):
    rows = pd.read_csv(chain.layout.evaluation / "per_class.csv", skiprows=1)
    rows = rows.set_index(["level", "class"])
    values, table = out_of_fold(chain.layout)
    truth = np.array([chain.data.labels[name] for name in table.index], np.float32)
    assert rows.loc[("slice", "any"), "cases"] == TRAINED * SLICES - 1
    assert rows.loc[("slice", "any"), "positives"] == truth[:, 0].sum()
    expected = weighted_log_loss(truth, values.mean(0))
    assert rows.loc[("slice", "weighted"), "log_loss"] == pytest.approx(expected, rel=1e-5)


BATCH = """\
resources:
  networks: {config: {backend: pytorch, sequence: "on"}}
  saliency: {config: {method: gradcam, max_slices_per_series: 1}}
"""


def test_a_batch_with_the_trained_folder_gives_the_submission_of_the_sequence_models(
    chain, tmp_path
):
    """All fifteen networks and all sequence models, once through each of the two ways."""
    place = Workplace(tmp_path, chain.layout.models, {"OMP_NUM_THREADS": "1"})
    shutil.copytree(chain.data.test, place.dicom)
    done = place.batch(BATCH)
    assert done.status == 0, done.text
    scored = pd.read_csv(place.output / "predictions_per_slice.csv").set_index("ID")
    assert sorted(scored.index) == sorted(chain.names(test=True))
    lines = [line.split(",") for line in chain.of_sequence.decode().splitlines()]
    wanted = [line.partition(",")[0] for line in chain.sample.read_text().splitlines()]
    assert [name for name, _ in lines] == wanted
    for name, value in lines[1:]:
        image, _, kind = name.rpartition("_")
        assert float(value) == pytest.approx(scored.loc[image, kind], abs=2e-5), name
    assert np.ptp([float(value) for _, value in lines[1:]]) > 1e-3


@dataclass(frozen=True)
class Stage:
    """A step of one subject: what it writes, and the command that runs it."""

    step: str
    subject: Subject
    job: str
    settings: str
    files: tuple[Path, ...]
    done_in_part: Callable[[], bool]

    def undo(self, layout: TrainingLayout) -> Path:
        """Remove what the step has written; return the place of its record."""
        record = layout.steps.record(self.subject, self.step)
        for path in (record, *self.files):
            path.unlink(missing_ok=True)
        return record


def folds_of(*folds: int) -> dict:
    return {"backbones": ["densenet121"], "folds": list(folds), "stages": ["2d", "oof"]}


def stage_of(step: str, layout: TrainingLayout, sample: Path) -> Stage:
    """Return a stage of a training root; it is under way as soon as its first file is there."""
    fold, whole = fold_subject(DENSE, 1), training_subject()
    table = [layout.single_model_output(b) / "val_aug_4.csv" for b in BACKBONES.values()]
    tested = [layout.single_model_output(b) / "test_aug_4.csv" for b in BACKBONES.values()]
    singles = [layout.single_model_output(DENSE) / f"fold_1_{k}_aug_4.csv" for k in ("val", "test")]
    train, sequence = ("ich_train", config(train_folds=folds_of(1))), ("ich_sequence", config())
    everything = ("ich_train", config(train_folds={"stages": ["oof"]}))
    submit = ("ich_submission", config(predict_and_submit=handed_in(sample)))
    rows = {
        "trained_fold": (fold, train, [layout.checkpoint(DENSE, 1), layout.log(fold)]),
        "oof_predictions": (fold, train, [*layout.oof(DENSE, 1).all, singles[0]]),
        "oof_table": (whole, everything, [layout.oof_table, layout.oof_order, *table]),
        "trained_sequence": (
            sequence_subject(2),
            sequence,
            [layout.log(sequence_subject(2)), layout.sequence_checkpoint(2)],
        ),
        "sequence_oof": (sequence_subject(2), sequence, [*layout.sequence_oof(2)]),
        "test_predictions": (fold, submit, [*layout.test(DENSE, 1).all, singles[1]]),
        "submission": (whole, submit, [layout.submission, *tested]),
    }
    subject, (job, settings), files = rows[step]
    return Stage(step, subject, job, settings, tuple(files), files[0].exists)


def linked_copy(chain: Chain, root: Path) -> TrainingPlace:
    """Return a place with links to the files: a whole file is replaced, and never written into."""
    subprocess.run(["cp", "-al", chain.layout.train_root, root / "train"], check=True)
    return TrainingPlace(root, root / "none")


def inodes(root: Path) -> dict[str, int]:
    return {p.relative_to(root).as_posix(): p.stat().st_ino for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "step",
    [
        "trained_fold",
        "oof_predictions",
        "oof_table",
        "trained_sequence",
        "sequence_oof",
        "test_predictions",
        "submission",
    ],
)
def test_killed_in_a_stage_and_run_again_it_ends_as_undisturbed(chain, tmp_path, step):
    place, finished = linked_copy(chain, tmp_path), chain.layout.train_root
    stage = stage_of(step, place.layout, chain.sample)
    before = inodes(place.layout.train_root)
    for _ in range(5):  # a stage takes milliseconds: a kill may come after its end
        record = stage.undo(place.layout)
        place.kill_when(stage.job, stage.settings, stage.done_in_part)
        if not record.exists():
            break
    assert not record.exists()
    run(place, stage.job, stage.settings)
    after = inodes(place.layout.train_root)
    assert after.keys() == before.keys()
    made = {p.relative_to(place.layout.train_root).as_posix() for p in (record, *stage.files)}
    if stage.job == "ich_submission":  # its last step is always run
        last = stage_of("submission", place.layout, chain.sample)
        record = place.layout.steps.record(last.subject, last.step)
        made |= {p.relative_to(place.layout.train_root).as_posix() for p in (record, *last.files)}
    assert {name for name in before if after[name] != before[name]} <= made
    for name in made:
        if not name.endswith((".json", "log.csv")):  # these hold times
            assert (place.layout.train_root / name).read_bytes() == (finished / name).read_bytes()
