"""The saliency options as a Dagster resource."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from ich_resources.backbones.table import FOLDS
from ich_resources.errors import IchError
from ich_resources.findings import SliceSaliency
from ich_resources.preprocessing import SliceContext
from ich_resources.saliency.options import PRESETS, Appearance, SaliencyOptions
from ich_resources.series_images import SeriesImages

if TYPE_CHECKING:
    from ich_resources.backbones.loaded import LoadedFold


class SaliencyResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Options of the saliency maps. They do not change the probabilities of the ensemble."""

    preset: Literal["clear", "reference"] = Field(
        default="clear",
        description="clear: panels that explain the highest bar, in the right place, with its "
        "probability. reference: pictures and scores of the reference workflow. It sets target, "
        "scale and align.",
    )
    target: Literal["preset", "bars", "networks"] = Field(
        default="preset",
        description="Class to explain: the highest bar, or what the networks behind the maps find "
        "most probable.",
    )
    scale: Literal["preset", "probability", "map"] = Field(
        default="preset",
        description="Opacity of the colours: 0.65 x map x P(target), or 0.65 x map.",
    )
    align: bool | None = Field(
        default=None,
        description="Draw each cell of a Grad-CAM where it looks. Empty: as the preset says.",
    )
    mode: Literal["ensemble", "single"] = Field(
        default="ensemble", description="The mean map of all chosen backbones, or the map of one."
    )
    method: Literal["input_grad", "gradcam", "gradcampp"] = Field(
        default="gradcampp", description="Method that makes the map."
    )
    target_class: str | None = Field(
        default=None, description="Class to explain. Empty: as target says."
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
            values = self.model_dump(exclude={"batch_size", "preset", *Appearance._fields})
            return SaliencyOptions(**values, align=self.appearance.align)
        except ValueError as err:
            raise IchError(str(err), remedy="see resources.saliency in run.example.yaml") from err

    @property
    def appearance(self) -> Appearance:
        """Target, scale and alignment: those that are set, else those of the preset."""
        own = {name: getattr(self, name) for name in Appearance._fields}
        chosen = {name: value for name, value in own.items() if value not in (None, "preset")}
        return PRESETS[self.preset]._replace(**chosen)

    @property
    def values(self) -> dict[str, Any]:
        """What the result depends on, as digests, manifests and reports have it.

        With the preset ``reference`` these are the values of versions that knew no preset.
        """
        usual = PRESETS["reference"]._asdict()
        shown = self.appearance._asdict()
        if self.preset == "reference":
            shown = {name: value for name, value in shown.items() if value != usual[name]}
        else:
            shown = {"preset": self.preset, **shown}
        return shown | self.model_dump(exclude={"batch_size", "preset", *usual})

    def explain(
        self,
        folds: "Sequence[LoadedFold]",
        images: SeriesImages,
        wanted: range,
        context: SliceContext,
        targets: Sequence[int] | None = None,
    ) -> Iterator[SliceSaliency]:
        """Make the saliency maps of some slices, in their order; see ``explain.explain_slices``.

        Parameters
        ----------
        folds : sequence of LoadedFold
            One fold of each backbone. In mode single only one fold.
        images : SeriesImages
            ``crops``: all slices of the series, since neighbours may be channels.
        wanted : range
            Indices of the slices to explain, with step 1.
        context : {"replicated", "adjacent"}
            Content of the three input channels: one slice, or the slice and its neighbours.
        targets : sequence of int, optional
            Class to explain in each wanted slice, where the options name none. None for the
            most probable class.

        Yields
        ------
        SliceSaliency
            One per wanted slice; maps of float32, shape (512, 512), 0..1 (docs/reference.md,
            section 5).
        """
        from ich_resources.saliency.explain import explain_slices

        return explain_slices(
            folds,
            images.crops,
            wanted,
            self.options,
            context=context,
            batch_size=self.batch_size,
            targets=targets,
        )
