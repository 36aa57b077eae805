import pytest

from ich_resources.errors import CheckpointError
from ich_resources.sequence.recipe import SequenceRecipe


def test_the_rate_falls_after_epochs_20_and_30() -> None:
    recipe = SequenceRecipe(0)

    assert [recipe.rate_of(epoch) for epoch in (0, 19, 20, 29, 30, 39)] == pytest.approx(
        [3e-4, 3e-4, 3e-5, 3e-5, 3e-6, 3e-6]
    )


def test_a_recipe_comes_back_from_plain_values() -> None:
    recipe = SequenceRecipe(2, epochs=7, padding="zeros")

    assert SequenceRecipe.from_plain(recipe.to_plain()) == recipe
    with pytest.raises(CheckpointError, match="colour"):
        SequenceRecipe.from_plain({**recipe.to_plain(), "colour": 1})


@pytest.mark.parametrize("wrong", [{"batch_size": 1}, {"epochs": 0}, {"padding": "ones"}])
def test_values_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SequenceRecipe(0, **wrong)  # type: ignore[arg-type]
