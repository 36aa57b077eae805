"""The settings of the sequence models as a Dagster resource."""

import dagster as dg
from pydantic import Field

from ich_resources.errors import IchError
from ich_resources.sequence.recipe import (
    Padding,
    SequenceFeatures,
    SequenceFolds,
    SequenceRecipe,
)


class SequenceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """How the sequence models are trained, on the predictions out of fold of the 2D networks."""

    epochs: int = Field(default=40, ge=1, description="Passes over the series.")
    batch_size: int = Field(
        default=128, ge=2, description="Series per step. It may not exceed the series that train."
    )
    rate: float = Field(
        default=3e-4,
        gt=0,
        description="Learning rate at the start; a tenth after half and after three quarters.",
    )
    padding: Padding = Field(
        default="equal",
        description="equal: a batch holds series of equal length. zeros: as the reference.",
    )
    folds: SequenceFolds = Field(
        default="same",
        description="same: the folds of the 2D networks. kfold48: those of the reference.",
    )
    features: SequenceFeatures = Field(
        default="each",
        description="New series: run on what each 2D fold gives, or on the mean of that.",
    )
    seed: int = Field(
        default=1992, ge=0, description="Seed of samples, dropout and the first weights."
    )
    device: str = Field(
        default="auto", description="auto, cpu, cuda or cuda:N; a training takes one GPU."
    )

    def recipe(self, fold: int) -> SequenceRecipe:
        """Return the settings of one fold.

        Raises
        ------
        IchError
            If a value is not among the choices.
        """
        try:
            return SequenceRecipe(
                fold,
                epochs=self.epochs,
                batch_size=self.batch_size,
                rate=self.rate,
                padding=self.padding,
                sequence_folds=self.folds,
                sequence_features=self.features,
                seed=self.seed,
            )
        except ValueError as err:
            raise IchError(str(err), remedy="see resources.sequence in train.example.yaml") from err
