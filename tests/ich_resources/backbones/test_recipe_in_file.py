"""What a checkpoint says about itself: the way there and back, and what is not believed."""

from collections import OrderedDict
from pathlib import Path

import pytest
from trained_files import trained

from ich_resources.backbones.recipe_in_file import PART, from_checkpoint, is_plain
from ich_resources.errors import CheckpointError, FormatError


def test_there_and_back():
    about = trained()
    plain = about.to_plain()
    assert plain["format"] == 1 and is_plain(plain)
    assert from_checkpoint({"state_dict": {}, PART: plain}) == about


@pytest.mark.parametrize("content", [{"state_dict": {}}, {}, [], None])
def test_a_released_checkpoint_says_nothing(content):
    assert from_checkpoint(content) is None


@pytest.mark.parametrize(
    "change",
    [
        {"backbone": "resnet50"},
        {"fold": 5},
        {"fold": True},
        {"fold": "0"},
        {"input_size": 16},
        {"input_size": 96.0},
        {"slice_context": "auto"},
        {"trained_on": "cats"},
        {"salt": "ab"},
        {"studies": {"1.2.840.113619": 0}},
        {"studies": {"0" * 32: 7}},
        {"recipe": [1]},
        {"recipe": {1: 2}},
        {"recipe": {"rate": float("nan")}},
        {"labels": None},
        {"init": 3},
        {"weighted_log_loss": float("inf")},
        {"weighted_log_loss": -1.0},
        {"weighted_log_loss": 1},
        {"versions": {"torch": 2}},
        {"format": 0},
        {"format": "1"},
        {"unknown": 1},
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_file(change):
    plain = trained().to_plain() | change
    with pytest.raises(CheckpointError) as caught:
        from_checkpoint({PART: plain}, Path("/m/a.pth"))
    assert caught.value.path == Path("/m/a.pth") and caught.value.remedy


def test_a_missing_field_is_named():
    plain = trained().to_plain()
    del plain["salt"]
    with pytest.raises(CheckpointError, match="missing or unknown: salt"):
        from_checkpoint({PART: plain})


def test_a_newer_format_says_so():
    with pytest.raises(FormatError, match="format 2, and this version reads format 1"):
        from_checkpoint({PART: {"format": 2, "anything": 1}}, Path("/m/a.pth"))


def test_a_part_that_holds_itself_is_not_plain():
    endless: list[object] = []
    endless.append(endless)
    assert not is_plain(endless)
    assert is_plain(OrderedDict(a=[1, (2.0, None)], b={"c": True}))
    assert not is_plain({"a": b"bytes"})


def test_it_knows_its_studies_by_hash_alone():
    about = trained(fold=0)
    # 1.1 is in fold 0, which was held out; 1.2 in fold 1; 1.3 in none
    assert [about.fold_of(uid) for uid in ("1.1", "1.2", "1.3")] == [0, 1, None]
    assert [about.was_trained_on(uid) for uid in ("1.1", "1.2", "1.3")] == [False, True, False]
    assert "1.2" not in str(about.to_plain()["studies"])


def test_recipes_are_equal_by_value():
    assert trained().recipe_digest == trained(fold=1).recipe_digest
    assert trained().recipe_digest != trained(recipe={"epochs": 9}).recipe_digest
