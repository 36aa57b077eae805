"""The resources of a training, taken from Dagster in one place."""

from typing import Any, NamedTuple

import dagster as dg

from ich_assets.resources import run_config_of, taken_from
from ich_resources.sequence.resource import SequenceResource
from ich_resources.storage.resource import TrainRootResource
from ich_resources.training.resource import TrainingResource


class LearningResources(NamedTuple):
    """The resources that the results of a training come from."""

    training: TrainingResource
    train_root: TrainRootResource
    sequence: SequenceResource

    @classmethod
    def of(
        cls,
        context: dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    ) -> "LearningResources":
        """Return the resources of a run.

        Parameters
        ----------
        context : dagster context
            Of an op, asset or check that requires ``LEARNING_RESOURCES``.
        """
        return taken_from(context, cls)

    def run_config(self) -> dict[str, Any]:
        """Return the run configuration that gives another run the same resources."""
        return run_config_of(self)


LEARNING_RESOURCES = set(LearningResources._fields)
"""``required_resource_keys`` of an op, asset or check that uses ``LearningResources.of``."""
