"""The six resources that the results of a series come from, taken from Dagster in one place."""

from typing import Any, NamedTuple

import dagster as dg

from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.steps import Option
from ich_resources.storage.resource import ResultsResource, StorageResource


class SeriesResources(NamedTuple):
    """The resources that the results of a series come from."""

    dicom: DicomResource
    networks: NetworksResource
    saliency: SaliencyResource
    panels: PanelsResource
    storage: StorageResource
    results: ResultsResource

    @classmethod
    def of(cls, context: dg.OpExecutionContext | dg.AssetExecutionContext) -> "SeriesResources":
        """Return the resources of a run.

        Parameters
        ----------
        context : dagster context
            Of an op or asset that requires ``SERIES_RESOURCES``.
        """
        return cls(*(getattr(context.resources, name) for name in cls._fields))

    @property
    def options(self) -> tuple[Option, ...]:
        """Those options that are on, of the options that switch a step on."""
        on: dict[Option, bool] = {
            "sequence": self.networks.sequence == "on",
            "dicom": self.results.names_patients,
        }
        return tuple(option for option in on if on[option])

    def run_config(self) -> dict[str, Any]:
        """Return the run configuration that gives another run the same resources."""
        return {
            name: {"config": resource.model_dump()} for name, resource in self._asdict().items()
        }


SERIES_RESOURCES = set(SeriesResources._fields)
"""``required_resource_keys`` of an op or asset that uses ``SeriesResources.of``."""
