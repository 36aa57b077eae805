"""The six resources that the results of a series come from, taken from Dagster in one place."""

from typing import Any, NamedTuple, TypeVar

import dagster as dg

from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.steps import Option
from ich_resources.storage.resource import ResultsResource, StorageResource

_R = TypeVar("_R", bound=NamedTuple)


def taken_from(context: Any, kind: type[_R]) -> _R:
    """Return resources of a run, by the names of the fields of a tuple.

    Parameters
    ----------
    context : dagster context
        Of an op, asset or check that requires them.
    kind : type of named tuple
        Has a field for each.
    """
    return kind(*(getattr(context.resources, name) for name in kind._fields))


def run_config_of(resources: NamedTuple) -> dict[str, Any]:
    """Return the run configuration that gives another run the same resources.

    Parameters
    ----------
    resources : named tuple
        From ``taken_from``.
    """
    fields = resources._asdict().items()
    return {name: {"config": resource.model_dump()} for name, resource in fields}


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
        return taken_from(context, cls)

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
        return run_config_of(self)


SERIES_RESOURCES = set(SeriesResources._fields)
"""``required_resource_keys`` of an op or asset that uses ``SeriesResources.of``."""
