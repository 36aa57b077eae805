"""The saliency options as a Dagster resource."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from ich_resources.backbones.table import FOLDS
from ich_resources.errors import IchError
from ich_resources.findings import SliceSaliency
from ich_resources.preprocessing import SliceContext
from ich_resources.saliency.options import SaliencyOptions
from ich_resources.series import SeriesImages

if TYPE_CHECKING:
    from ich_resources.backbones.loading import LoadedFold


class SaliencyResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Options of the saliency maps. They do not change the probabilities of the ensemble."""

    mode: Literal["ensemble", "single"] = Field(
        default="ensemble", description="The mean map of all chosen backbones, or the map of one."
    )
    method: Literal["input_grad", "gradcam", "gradcampp"] = Field(
        default="gradcampp", description="Method that makes the map."
    )
    target_class: str | None = Field(
        default=None, description="Class to explain. Empty: the most probable one of each slice."
    )
    image_size_override: int | None = Field(
        default=None, description="Edge of the saliency input in pixels. Empty: the backbone's own."
    )
    max_slices_per_series: int | None = Field(
        default=None, description="Number of slices, from the middle of the series. Empty: all."
    )
    single_backbone: str = Field(
        default="DenseNet121_change_avg", description="The backbone in mode single."
    )
    single_fold: int = Field(default=0, ge=0, lt=FOLDS, description="The fold in mode single.")
    batch_size: int = Field(default=4, ge=1, description="Slices per network pass.")

    @property
    def options(self) -> SaliencyOptions:
        """The options that change the maps.

        Raises
        ------
        IchError
            If a value is not among the choices.
        """
        try:
            return SaliencyOptions(**self.model_dump(exclude={"batch_size"}))
        except ValueError as err:
            raise IchError(str(err), remedy="see resources.saliency in run.example.yaml") from err

    def explain(
        self,
        folds: "Sequence[LoadedFold]",
        images: SeriesImages,
        wanted: range,
        context: SliceContext,
    ) -> Iterator[SliceSaliency]:
        """Make the saliency maps of some slices of a series; see ``explain.explain_slices``."""
        from ich_resources.saliency.explain import explain_slices

        return explain_slices(
            folds, images.crops, wanted, self.options, context=context, batch_size=self.batch_size
        )
