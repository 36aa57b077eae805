"""What a run asks for must fit its checkpoints: looked at before the first file is read."""

from dataclasses import replace

import pytest
import torch
from trained_files import save, trained

from ich_assets.inputs_digests import saliency_files
from ich_assets.jobs.preflight import check_weights
from ich_assets.resources import SeriesResources
from ich_assets.thresholds import flagging
from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.dicom.resource import DicomResource
from ich_resources.errors import CheckpointError, IchError
from ich_resources.inference.resource import NetworksResource
from ich_resources.judged import Calibration, Threshold
from ich_resources.judged_files import write_judged
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.resource import ResultsResource, StorageResource

FIRST, SECOND = list(BACKBONES.values())[:2]


def _write(folder, backbone, **changes):
    """Write a checkpoint that nobody loads; a released one without changes."""
    path = folder / backbone.folder / checkpoint_name(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    if changes:
        save(path, {}, trained(backbone=backbone.name, **changes).to_plain())
    else:
        torch.save({"state_dict": {"a": torch.ones(1)}}, path)


def _resources(folder, saliency=None, threshold=None, **networks) -> SeriesResources:
    names = [b.name for b in (FIRST, SECOND)]
    fields = {"model_dir": str(folder), "max_folds_per_backbone": 1, "backbones": names}
    return SeriesResources(
        DicomResource(),
        NetworksResource(**fields | networks),
        SaliencyResource(**saliency or {}),
        PanelsResource(),
        StorageResource(),
        ResultsResource(threshold=threshold),
    )


@pytest.fixture
def models(tmp_path):
    """Two backbones that say the same."""
    _write(tmp_path, FIRST, input_size=96)
    _write(tmp_path, SECOND, input_size=128)
    return tmp_path


def test_checkpoints_that_agree(models):
    check_weights(_resources(models))
    assert flagging(_resources(models)) is None


def test_checkpoints_that_do_not_agree_are_named(models):
    _write(models, SECOND, slice_context="replicated")
    with pytest.raises(CheckpointError, match="do not agree on slice_context") as caught:
        check_weights(_resources(models))
    for backbone in (FIRST, SECOND):
        assert f"{backbone.name}/model_epoch_best_0.pth" in str(caught.value)
    check_weights(_resources(models, backbones=[FIRST.name]))


def test_a_map_of_a_network_that_was_trained_otherwise(models):
    """Mode single may take a backbone that is not chosen."""
    _write(models, SECOND, slice_context="replicated")
    single = {"mode": "single", "single_backbone": SECOND.name}
    with pytest.raises(CheckpointError, match="do not agree on slice_context"):
        check_weights(_resources(models, single, backbones=[FIRST.name]))


def test_a_context_that_contradicts(models):
    with pytest.raises(CheckpointError, match="slice_context is replicated"):
        check_weights(_resources(models, slice_context="replicated"))
    check_weights(_resources(models, slice_context="adjacent"))


def test_the_input_size_of_a_checkpoint_is_not_overridden(models):
    with pytest.raises(CheckpointError, match="image_size_override is 64, and .* size, 96"):
        check_weights(_resources(models, {"image_size_override": 64}))
    for backbone in (FIRST, SECOND):
        _write(models, backbone)
    released = _resources(models, {"image_size_override": 64})
    check_weights(released)
    files = saliency_files(released.networks, released.saliency)
    assert [file.input_size for file in files] == [512, 256]


def _digests(folder):
    return {b.name: (find_checkpoint(folder, b, 0).digest,) for b in (FIRST, SECOND)}


def _calibration(folder) -> Calibration:
    return Calibration("temperature", {"any": {"temperature": 2.0}}, _digests(folder), {})


def test_a_calibration_of_these_checkpoints(models):
    calibration = _calibration(models)
    write_judged(models / "c.json", calibration)
    resources = _resources(models, calibration=str(models / "c.json"))
    check_weights(resources)
    assert resources.networks.used_calibration() == calibration
    _write(models, FIRST, input_size=96, init="imagenet")
    with pytest.raises(IchError, match="made for another checkpoint of DenseNet121") as caught:
        check_weights(resources)
    for digest in (_digests(models)[FIRST.name][0], calibration.checkpoints[FIRST.name][0]):
        assert digest[:12] in str(caught.value)


def test_a_threshold_of_these_checkpoints_and_this_calibration(models):
    calibration = _calibration(models)
    threshold = Threshold(0.25, "youden", _digests(models), {}, calibration.sha256)
    write_judged(models / "c.json", calibration)
    write_judged(models / "t.json", threshold)
    fits = _resources(models, None, str(models / "t.json"), calibration=str(models / "c.json"))
    check_weights(fits)
    assert flagging(fits) == Flagging(0.25, threshold)
    with pytest.raises(IchError, match=r"with the calibration .*, and no calibration is used"):
        check_weights(_resources(models, None, str(models / "t.json")))
    with pytest.raises(IchError, match="made for the backbones"):
        check_weights(_resources(models, None, str(models / "t.json"), backbones=[FIRST.name]))


@pytest.mark.parametrize(
    ("change", "says"),
    [({"level": "slice"}, "chosen for slices"), ({"sequence": ("a" * 64,)}, "sequence models")],
)
def test_a_threshold_for_something_else(models, change, says):
    threshold = Threshold(0.25, "youden", _digests(models), {})
    write_judged(models / "t.json", replace(threshold, **change))
    with pytest.raises(IchError, match=says):
        check_weights(_resources(models, None, str(models / "t.json")))


@pytest.mark.parametrize("number", [0, 1, 0.5])
def test_a_number_is_a_threshold(models, number):
    assert flagging(_resources(models, None, number)) == Flagging(float(number))


@pytest.mark.parametrize("wrong", [-0.1, 1.5, True, [0.5], float("nan")])
def test_what_is_neither_number_nor_file(models, wrong):
    with pytest.raises(IchError, match=r"results\.threshold is .*, not a number from 0 to 1"):
        check_weights(_resources(models, None, wrong))


def test_a_file_that_is_not_there(models):
    with pytest.raises(IchError, match="the threshold cannot be read: No such file"):
        check_weights(_resources(models, None, str(models / "t.json")))
