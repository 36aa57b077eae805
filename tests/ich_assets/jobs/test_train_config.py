"""What ich_train may be asked for."""

import pytest

from ich_assets.jobs.train import TrainConfig, _partitions
from ich_resources.errors import IchError


def test_everything_is_the_default_one_backbone_after_the_other():
    wanted = [f"{backbone.asset}|{fold}" for backbone, fold in _partitions(TrainConfig())]
    assert wanted[:6] == [*(f"densenet121|{fold}" for fold in range(5)), "densenet169|0"]
    assert len(wanted) == 15 and wanted[-1] == "se_resnext101|4"


def test_some_folds_of_some_backbones():
    config = TrainConfig(backbones=["se_resnext101"], folds=[3, 1, 3])
    assert [fold for _, fold in _partitions(config)] == [1, 3]


@pytest.mark.parametrize(
    ("field", "value"),
    [("folds", [5]), ("folds", [-1]), ("stages", ["3d"]), ("stages", []), ("backbones", ["vgg"])],
)
def test_what_does_not_exist_is_an_error_that_names_what_does(field, value):
    with pytest.raises(IchError, match="name some of"):
        _partitions(TrainConfig(**{field: value}))
